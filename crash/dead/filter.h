// SPDX-License-Identifier: BSD-2-Clause
// Which pages of the dead kernel are worth dumping: makedumpfile's -d bits, judged page by
// page from the dead kernel's struct page array. A rung of the ladder counts only if all
// VMCOREINFO keys it needs are there and sane; the rest is told in the notes.
// Source: makedumpfile's -d in its manual.
#ifndef LIFEBOAT_CRASH_DEAD_FILTER_H
#define LIFEBOAT_CRASH_DEAD_FILTER_H

#include "crash/dead/deadmem.h"
#include "crash/dead/ram.h"
#include "lib/format.h"

// makedumpfile -d
#define LB_FILTER_ZERO 1U // pages of zeroes: the writer's affair, not decided here
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
	const char *keeps_unused; // why they are dumped all the same: "the kernel …"; NULL: they are not
	char why[240]; // one sentence on what is missing for those that cannot; "" when nothing is
};

// RAM that the dead kernel has no section for is left out as soon as one of the bits from 2 on is
// wanted, unless that is more than half of all, or the dead kernel was a capture kernel.
//
// Prepares a filter in `memory` (lb_filter_bytes(), page-aligned) for `wanted` -d bits.
// Never fails for lack of keys: *ret_level says what can be done. `dead`->mem and `ram` must
// outlive it.
struct lb_filter *lb_filter_open(void *memory, const struct lb_deadspace *dead, const struct lb_ram *ram,
				 uint32_t wanted, struct lb_filter_level *ret_level);

// Begins at the first page again; the counts begin at 0.
void lb_filter_rewind(struct lb_filter *filter);
// The next `pages` page frames (a multiple of 8), in order from 0: bit i of `bits` (bit 0
// of byte 0 first) is set when frame i is RAM and to be dumped. Compound pages and free
// blocks that reach into the next call are remembered.
void lb_filter_next(struct lb_filter *filter, uint64_t pages, uint8_t *bits);

const struct lb_filter_count *lb_filter_counts(const struct lb_filter *filter);

#endif
