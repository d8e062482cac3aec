// SPDX-License-Identifier: BSD-2-Clause
// Finds RAM that the dead kernel hot-added after arming. No e820 and no template has that RAM. The dead
// kernel's direct map tells it: Linux maps RAM there when it is added (arch_add_memory()), and unmaps it when
// it is removed (arch_remove_memory()). Memory that is merely offline stays mapped, and counts.
//
// The search looks only where SRAT lets memory come: in the ranges given. Only a page-table leaf that maps
// such an address to itself is believed. A whole section counts as soon as one page of it is mapped: Linux
// adds RAM in whole sections (check_hotplug_memory_range()), but single pages may be unmapped for a time
// (secret memory, debug_pagealloc=).
//
// The tables are hostile input. They are read under a budget of pages, through `mem`, which knows RAM from
// anything else. Tables of memory added late may lie in memory added before. So `mem` should also allow reads
// of pages that lb_hotadd_is_ram() accepts, and the search is repeated as long as it finds more.
#ifndef LIFEBOAT_CRASH_DEAD_HOTADD_H
#define LIFEBOAT_CRASH_DEAD_HOTADD_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/dead/facts.h"
#include "crash/plan/hotplug.h"
#include "lifeboat/physmem.h"
#include "lifeboat/range.h"

#define LB_HOTADD_MAX 128 // ranges that can be kept; neighbours are one
// The most table pages that are read; every further one is refused. A section takes as many pages as there
// are levels, so these are enough for 50 TiB of hot-added memory.
#define LB_HOTADD_PAGES (2U << 20)

struct lb_hotadd {
	struct lb_range ranges[LB_HOTADD_MAX]; // sorted, disjoint, page-aligned
	uint32_t count;
	uint32_t missing; // ranges found for which there was no room
	uint64_t missing_bytes;
	uint64_t unsearched_bytes; // address space whose tables could not be read
};

// Does the whole page at `phys` lie in a range found so far? `mem` may ask during the search, too.
bool lb_hotadd_is_ram(const struct lb_hotadd *hotadd, uint64_t phys);

uint64_t lb_hotadd_bytes(const struct lb_hotadd *hotadd);

// Searches `where`, ranges that are page-aligned and disjoint. Finds at most `room` ranges. Always returns;
// with the direct map unknown, all of `where` counts as unsearched. *ret_hotadd is valid at any time during
// the search, because `mem` may use it.
void lb_hotadd_find(const struct lb_physmem *mem, const struct lb_deadkernel *dead,
		    const struct lb_range *where, uint32_t where_count, uint32_t room,
		    struct lb_hotadd *ret_hotadd);

#endif
