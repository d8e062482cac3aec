// SPDX-License-Identifier: BSD-2-Clause
// Places the crash region. The place depends only on map and options, so that it is the same at every boot
// (hibernation compares maps).
#ifndef LIFEBOAT_CRASH_PLAN_PLACE_H
#define LIFEBOAT_CRASH_PLAN_PLACE_H

#include "crash/plan/e820.h"

// A region begins and ends on these borders: one leaf of the page tables maps each step.
#define LB_REGION_STEP (2 * LB_MIB)
// No region begins lower: LOAD_PHYSICAL_ADDR of every distribution kernel.
#define LB_REGION_MIN (16 * LB_MIB)

// The highest end that a region may have.
enum lb_place_reach {
	LB_PLACE_BELOW_4GIB, // what runs there cannot be loaded higher
	LB_PLACE_LOWEST, // below 4 GiB where it fits, else above
	LB_PLACE_HIGHEST, // from the top of memory, crashkernel=,high
};

struct lb_place_request {
	uint64_t bytes; // multiple of LB_REGION_STEP
	uint64_t align; // of the start; at least LB_REGION_STEP
	uint64_t min; // not below; at least LB_REGION_MIN
	uint64_t max; // ends at or below
	uint64_t offset; // exactly there; 0: anywhere
	const struct lb_range *avoid; // never in these: hot-pluggable or non-volatile memory; NULL: none
	uint32_t avoid_count;
	enum lb_place_reach reach; // lb_place_by_reach() sets max by it
};

// Is this place free in the firmware's map now: EfiConventionalMemory, not only RAM in e820_saved? Candidates
// are asked for from the top down.
typedef bool lb_place_usable(void *ctx, struct lb_range candidate);

// Finds the highest place inside one RAM entry of `map` that touches none of `avoid` (in any order, of any
// alignment). A region shorter than 1 GiB crosses a GiB boundary only when no other place fits. `usable` may
// be NULL. The error names the largest hole found, and what is in the way of `offset`.
int lb_place(const struct lb_e820 *map, const struct lb_place_request *request, lb_place_usable *usable,
	     void *ctx, struct lb_range *ret_region, struct lb_error *err);

// Calls lb_place() with growing limits: 4 GiB, then, if request.reach allows, 512 GiB, then the end of a
// 4-level root. LB_PLACE_HIGHEST begins with the last limit. The error is the last call's.
int lb_place_by_reach(const struct lb_e820 *map, struct lb_place_request request, lb_place_usable *usable,
		      void *ctx, struct lb_range *ret_region, struct lb_error *err);

#endif
