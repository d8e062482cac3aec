// SPDX-License-Identifier: BSD-2-Clause
// RAM that the dead kernel hot-added after arming: it is in nobody's e820, and in no
// template. What tells it is the dead kernel's direct map: Linux maps there what it adds
// (arch_add_memory()), and takes it out again with the memory (arch_remove_memory()).
// Memory that is merely offline stays mapped, and counts.
//
// Looked for only where SRAT lets memory come (the ranges given), and only a page-table
// leaf that maps an address of them to that very address is believed. A whole section
// counts as soon as one page of it is mapped: Linux adds RAM by no less
// (check_hotplug_memory_range()), while single pages of it may be unmapped for a time
// (secret memory, debug_pagealloc=).
//
// The tables are hostile input. They are read under a budget of pages, through `mem`,
// which knows RAM from anything else. Tables of memory added late may lie in memory
// added before: `mem` should let those be read that lb_hotadd_is_ram() accepts, and
// the search is repeated as long as it finds more that way.
#ifndef LIFEBOAT_CRASH_DEAD_HOTADD_H
#define LIFEBOAT_CRASH_DEAD_HOTADD_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/dead/facts.h"
#include "crash/plan/hotplug.h"
#include "lifeboat/physmem.h"
#include "lifeboat/range.h"

#define LB_HOTADD_MAX 128 // ranges that can be kept; neighbours are one
// Table pages read before every further one is refused. A section takes as many as there
// are levels, so that these do for 50 TiB of hot-added memory.
#define LB_HOTADD_PAGES (2U << 20)

struct lb_hotadd {
	struct lb_range ranges[LB_HOTADD_MAX]; // sorted, disjoint, page-aligned
	uint32_t count;
	uint32_t missing; // ranges found for which there was no room
	uint64_t missing_bytes;
	uint64_t unsearched_bytes; // address space whose tables could not be read
};

// The whole page at `phys` lies in a range found so far. For `mem`, also during the search.
bool lb_hotadd_is_ram(const struct lb_hotadd *hotadd, uint64_t phys);

uint64_t lb_hotadd_bytes(const struct lb_hotadd *hotadd);

// `where`: page-aligned, disjoint. `room`: ranges wanted at most. Always returns;
// with the direct map unknown all of `where` is unsearched. *ret_hotadd is kept right all
// the while, since `mem` may ask it.
void lb_hotadd_find(const struct lb_physmem *mem, const struct lb_deadkernel *dead,
		    const struct lb_range *where, uint32_t where_count, uint32_t room,
		    struct lb_hotadd *ret_hotadd);

#endif
