// SPDX-License-Identifier: BSD-2-Clause
// Finds the dead kernel's struct pages and sections, for those who judge pages by them.
//
// Sections of 2^SECTION_SIZE_BITS bytes: section_mem_map, with flags in its lower bits, is the
// virtual address that the struct page of page frame 0 would have if this section's array
// went on down to it. With SPARSEMEM_EXTREME, mem_section is an array of pointers to
// pages full of struct mem_section, else an array of these.
// Source: include/linux/mmzone.h, mm/sparse.c of 5.10 to 7.0.
#ifndef LIFEBOAT_CRASH_DEAD_PAGES_H
#define LIFEBOAT_CRASH_DEAD_PAGES_H

#include "crash/dead/deadmem.h"

#define LB_STRUCT_PAGE_MAX 256U // bytes; it has 56 to 96

struct lb_pages_layout {
	uint64_t mem_section, roots, section_bytes, section_map; // roots: LENGTH(mem_section)
	uint64_t section_bits, max_physmem_bits;
	uint64_t page_bytes;
};

struct lb_pages {
	struct lb_pages_layout layout;
	struct lb_deadmem mem;
	uint64_t per_root; // sections in a page of them; 0: not SPARSEMEM_EXTREME
	// The section that `map` is of; UINT64_MAX before the first.
	uint64_t section;
	bool has_map;
	bool absent; // the dead kernel has no such section; a section that cannot be read is not absent
	bool known; // its flags could be read
	uint64_t flags;
	uint64_t map; // virtual address that struct page 0 would have
	uint8_t straddling[LB_STRUCT_PAGE_MAX]; // a struct page that lies across two pages
};

// Opens `pages`, which must not be moved afterwards. Returns NULL, or the key that is missing or makes no
// sense.
const char *lb_pages_open(struct lb_pages *pages, const struct lb_deadspace *dead);

// Returns the struct page of page frame `pfn`; NULL: there is none. *ret_count, 1 and up: the number of
// frames from `pfn` on that the answer holds for. Their struct pages follow each other at the pointer, or
// none of them has one. The pointer is good until the next call.
const uint8_t *lb_pages_at(struct lb_pages *pages, uint64_t pfn, uint64_t *ret_count);

// Is the section of page frame `pfn` absent in the dead kernel, which was told not to use that memory? False
// also when that cannot be read. *ret_count: frames from `pfn` to the section's end.
bool lb_pages_absent(struct lb_pages *pages, uint64_t pfn, uint64_t *ret_count);

// The dead kernel's use of a section.
enum lb_section {
	LB_SECTION_UNKNOWN, // its flags cannot be read
	LB_SECTION_ABSENT,
	LB_SECTION_OFFLINE, // also one that is a device's memory, if only in part
	LB_SECTION_ONLINE, // RAM in use
};

// Judges the section of page frame `pfn`. *ret_count: frames from there to its end.
enum lb_section lb_pages_section(struct lb_pages *pages, uint64_t pfn, uint64_t *ret_count);

#endif
