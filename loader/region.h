// SPDX-License-Identifier: BSD-2-Clause
// The place of crash memory in the firmware's map.
#ifndef LIFEBOAT_LOADER_REGION_H
#define LIFEBOAT_LOADER_REGION_H

#include "crash/plan/place.h"
#include "crash/plan/srat.h"
#include "loader/memmap.h"

struct lb_region_search {
	const struct lb_e820 *saved; // tidy
	struct lb_memmap *memmap; // the place has to be free there
	const struct lb_srat *srat; // the place has none of its ranges; count 0 where there is no SRAT
	bool above_4gib; // the second kernel can be loaded there (XLF_CAN_BE_LOADED_ABOVE_4G)
	bool high; // from the top of memory, crashkernel=,high
};

// Finds the highest free place below 4 GiB. Where none fits, or `high` asks for it, and where `above_4gib`
// allows, searches below 512 GiB, then up to the end of a 4-level root; with `high` at once up to that end.
// `request` holds all but min, max, reach and avoid.
int lb_region_find(const struct lb_region_search *search, struct lb_place_request request,
		   struct lb_range *ret_region, struct lb_error *err);

// Finds the low region that goes with `region`: `bytes`, a multiple of 2 MiB, below 4 GiB and not in
// `region`.
int lb_region_find_low(const struct lb_region_search *search, struct lb_range region, uint64_t bytes,
		       struct lb_range *ret_low, struct lb_error *err);

#endif
