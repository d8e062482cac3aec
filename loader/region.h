// SPDX-License-Identifier: BSD-2-Clause
// The place of crash memory in the firmware's map.
#ifndef LIFEBOAT_LOADER_REGION_H
#define LIFEBOAT_LOADER_REGION_H

#include "crash/plan/place.h"
#include "crash/plan/srat.h"
#include "loader/memmap.h"

struct lb_region_search {
	const struct lb_e820 *saved; // tidy
	struct lb_memmap *memmap; // the place is free there
	const struct lb_srat *srat; // none of its ranges is taken; count 0 where there is no SRAT
	bool above_4gib; // the second kernel can be loaded there (XLF_CAN_BE_LOADED_ABOVE_4G)
	bool high; // from the top of memory, crashkernel=,high
};

// The highest free place below 4 GiB. Where none fits, or `high` asks for it, and where
// `above_4gib` allows: below 512 GiB, then as high as a 4-level root reaches; with
// `high` at once as high as that. `request` says all but min, max, reach and avoid.
int lb_region_find(const struct lb_region_search *search, struct lb_place_request request,
		   struct lb_range *ret_region, struct lb_error *err);

// The low region that goes with `region`: `bytes`, a multiple of 2 MiB, below 4 GiB and
// beside it.
int lb_region_find_low(const struct lb_region_search *search, struct lb_range region, uint64_t bytes,
		       struct lb_range *ret_low, struct lb_error *err);

#endif
