// SPDX-License-Identifier: BSD-2-Clause
#include "crash/platform/smp_trampoline.h"

#define LOW_BEGIN (64 * LB_KIB)
#define LOW_END 0x9f000ULL // the extended BIOS data area may begin here

uint64_t lb_smp_trampoline_pages(const struct lb_swap_range *ranges, uint32_t count)
{
	const struct lb_range usable = {LOW_BEGIN, LOW_END};

	for (uint32_t i = 0; i < count && i < LB_MAX_SWAP_RANGES; i++) {
		struct lb_range range = {ranges[i].phys, ranges[i].phys + ranges[i].bytes};

		range = lb_range_intersect(range, usable);
		range.start = lb_align_up(range.start, LB_PAGE);
		if (range.start < range.end && range.end - range.start >= 2 * LB_PAGE)
			return range.start;
	}
	return 0;
}
