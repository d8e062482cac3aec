// SPDX-License-Identifier: BSD-2-Clause
#include "loader/region.h"

#include "loader/tables.h"

static bool usable(void *ctx, struct lb_range candidate)
{
	return lb_memmap_free_range(ctx, candidate);
}

int lb_region_find(const struct lb_e820 *saved, struct lb_memmap *memmap, struct lb_place_request request,
		   bool above_4gib, struct lb_range *ret_region, struct lb_error *err)
{
	// Every device reaches what lies below 4 GiB; what lies below 512 GiB shares the
	// low 1 MiB's PDPT; the 4-level root, which is always built, ends at 1 << 47.
	static const uint64_t limits[] = {LB_4GIB, LB_PDPT_BYTES, LB_END_OF_4LEVEL};
	const size_t last = sizeof(limits) / sizeof(limits[0]) - 1;

	request.min = LB_REGION_MIN;
	for (size_t i = 0;; i++) {
		request.max = limits[i];
		if (lb_place(saved, &request, usable, memmap, ret_region, err) == 0)
			return 0;
		if (!above_4gib || i == last ||
		    !lb_e820_ram(saved, (struct lb_range){limits[i], LB_END_OF_4LEVEL}))
			return -1;
	}
}
