// SPDX-License-Identifier: BSD-2-Clause
#include "loader/region.h"

#include "lifeboat/x86.h"
#include "loader/page_tables.h"

static bool usable(void *ctx, struct lb_range candidate)
{
	return lb_memmap_free_range(ctx, candidate);
}

// SRAT's ranges, and one more where `beside` is not empty; LB_SRAT_MAX_RANGES + 1 fit.
static uint32_t list_avoided(const struct lb_srat *srat, struct lb_range beside, struct lb_range *ret_ranges)
{
	uint32_t count = lb_srat_avoid(srat, ret_ranges);

	if (!lb_range_empty(beside))
		ret_ranges[count++] = beside;
	return count;
}

static int place(const struct lb_region_search *search, struct lb_range beside,
		 struct lb_place_request request, struct lb_range *ret_region, struct lb_error *err)
{
	struct lb_range avoid[LB_SRAT_MAX_RANGES + 1];

	request.min = LB_REGION_MIN;
	request.avoid = avoid;
	request.avoid_count = list_avoided(search->srat, beside, avoid);
	return lb_place(search->saved, &request, usable, search->memmap, ret_region, err);
}

int lb_region_find(const struct lb_region_search *search, struct lb_place_request request,
		   struct lb_range *ret_region, struct lb_error *err)
{
	// Every device reaches what lies below 4 GiB; what lies below 512 GiB shares the
	// low 1 MiB's PDPT; the 4-level root, which is always built, ends at 1 << 47.
	static const uint64_t limits[] = {LB_4GIB, LB_PDPT_BYTES, X86_END_OF_4LEVEL};
	const struct lb_range nothing = {0, 0};
	const size_t last = search->above_4gib ? sizeof(limits) / sizeof(limits[0]) - 1 : 0;

	for (size_t i = search->high ? last : 0;; i++) {
		request.max = limits[i];
		if (place(search, nothing, request, ret_region, err) == 0)
			return 0;
		if (i == last || !lb_e820_ram(search->saved, (struct lb_range){limits[i], X86_END_OF_4LEVEL}))
			return -1;
	}
}

int lb_region_find_low(const struct lb_region_search *search, struct lb_range region, uint64_t bytes,
		       struct lb_range *ret_low, struct lb_error *err)
{
	const struct lb_place_request request = {.bytes = bytes, .align = LB_REGION_STEP, .max = LB_4GIB};

	return place(search, region, request, ret_low, err);
}
