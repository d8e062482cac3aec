// SPDX-License-Identifier: BSD-2-Clause
// Chooses the pages of the dead kernel that are dumped, by makedumpfile's -d bits. Each page is judged by the
// dead kernel's struct page of it. A -d bit is applied only if all VMCOREINFO keys that it needs are there
// and sane. The notes tell of the other bits. Source: makedumpfile's -d in its manual.
#ifndef LIFEBOAT_CRASH_DEAD_FILTER_H
#define LIFEBOAT_CRASH_DEAD_FILTER_H

#include "crash/dead/deadmem.h"
#include "crash/dead/ram.h"
#include "lib/format.h"

// makedumpfile -d
#define LB_FILTER_ZERO 1U // pages of zeroes; the writer decides these, not the filter
#define LB_FILTER_CACHE 2U // page cache without private pages
#define LB_FILTER_CACHE_PRIVATE 4U // page cache with private pages
#define LB_FILTER_USER 8U
#define LB_FILTER_FREE 16U
#define LB_FILTER_ALL 31U

struct lb_filter_count { // pages
	uint64_t dumped, cache, cache_private, user, free, hwpoison, offline;
	uint64_t unused; // the dead kernel was told not to use them: mem=, memmap=
	uint64_t unmapped; // no struct page could be read: dumped all the same
};

struct lb_filter; // a few pages, in the caller's memory
uint64_t lb_filter_bytes(void);

struct lb_filter_level {
	uint32_t bits; // -d bits that can be done
	uint64_t unused_pages; // of RAM that the dead kernel was told not to use
	const char *keeps_unused; // why unused pages are dumped after all: "the kernel …"; NULL: they are not
	char why[240]; // one sentence on what is missing for the other bits; "": nothing is missing
};

// Prepares a filter in `memory` (lb_filter_bytes(), page-aligned) for the -d bits `wanted`. Missing keys are
// no failure: *ret_level says what can be done. `dead`->mem and `ram` must outlive the filter.
//
// When any bit from 2 on is wanted, RAM that the dead kernel has no section for is left out. That RAM is
// dumped all the same when it is more than half of all RAM, or when the dead kernel was a capture kernel.
struct lb_filter *lb_filter_open(void *memory, const struct lb_deadspace *dead, const struct lb_ram *ram,
				 uint32_t wanted, struct lb_filter_level *ret_level);

// Begins at the first page again; the counts begin at 0.
void lb_filter_rewind(struct lb_filter *filter);
// Judges the next `pages` page frames (a multiple of 8), in order from 0. Sets bit i of `bits` (bit 0 of byte
// 0 first) when frame i is RAM and to be dumped. Compound pages and free blocks may reach into the next call.
void lb_filter_next(struct lb_filter *filter, uint64_t pages, uint8_t *bits);

const struct lb_filter_count *lb_filter_counts(const struct lb_filter *filter);

#endif
