// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/old_ranges.h"

// Pieces ascend, and only those of the low 1 MiB have their content elsewhere, inside `crash`;
// so what is left ascends, too.
uint32_t lb_old_ranges(const struct lb_ram *ram, struct lb_range crash, struct lb_ident_range *ret_ranges)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ram->count; i++) {
		const struct lb_ram_piece *piece = &ram->pieces[i];
		struct lb_range range = {piece->now, piece->now + lb_range_size(piece->phys)};

		if (lb_range_empty(range) || lb_range_contains(crash, range))
			continue;
		if (count && ret_ranges[count - 1].range.end == range.start)
			ret_ranges[count - 1].range.end = range.end;
		else
			ret_ranges[count++] = (struct lb_ident_range){.range = range, .type = LB_MEM_WB};
	}
	return count;
}

// The range that holds `address`, or NULL.
static const struct lb_ident_range *find(const struct lb_ident_range *ranges, uint32_t count,
					 uint64_t address)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ranges[middle].range.end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && ranges[low].range.start <= address ? &ranges[low] : NULL;
}

uint64_t lb_old_ranges_block(const struct lb_ident_range *ranges, uint32_t count, uint64_t phys)
{
	static const uint64_t sizes[] = {2 * LB_MIB, LB_PAGE};
	const struct lb_ident_range *holder = find(ranges, count, phys);

	for (unsigned int i = 0; holder && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t start = lb_align_down(phys, sizes[i]);

		if (lb_range_contains(holder->range, (struct lb_range){start, start + sizes[i]}))
			return sizes[i];
	}
	return 0;
}
