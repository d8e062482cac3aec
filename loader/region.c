// SPDX-License-Identifier: BSD-2-Clause
#include "loader/region.h"

static bool usable(void *ctx, struct lb_range candidate)
{
	return lb_memmap_free_range(ctx, candidate);
}

// Lists SRAT's ranges, and `beside` unless it is empty; LB_SRAT_MAX_RANGES + 1 fit.
static uint32_t list_avoided(const struct lb_srat *srat, struct lb_range beside, struct lb_range *ret_ranges)
{
	uint32_t count = lb_srat_avoid(srat, ret_ranges);

	if (!lb_range_empty(beside))
		ret_ranges[count++] = beside;
	return count;
}

int lb_region_find(const struct lb_region_search *search, struct lb_place_request request,
		   struct lb_range *ret_region, struct lb_error *err)
{
	struct lb_range avoid[LB_SRAT_MAX_RANGES + 1];

	request.reach = !search->above_4gib ? LB_PLACE_BELOW_4GIB
			: search->high      ? LB_PLACE_HIGHEST
					    : LB_PLACE_LOWEST;
	request.min = LB_REGION_MIN;
	request.avoid = avoid;
	request.avoid_count = list_avoided(search->srat, (struct lb_range){0, 0}, avoid);
	return lb_place_by_reach(search->saved, request, usable, search->memmap, ret_region, err);
}

int lb_region_find_low(const struct lb_region_search *search, struct lb_range region, uint64_t bytes,
		       struct lb_range *ret_low, struct lb_error *err)
{
	struct lb_range avoid[LB_SRAT_MAX_RANGES + 1];
	const struct lb_place_request request = {
		.bytes = bytes,
		.align = LB_REGION_STEP,
		.min = LB_REGION_MIN,
		.max = LB_4GIB,
		.avoid = avoid,
		.avoid_count = list_avoided(search->srat, region, avoid),
	};

	return lb_place(search->saved, &request, usable, search->memmap, ret_low, err);
}
