// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/e820_second.h"

// Appends to a table that is filled in address order. The table never has more entries than
// the tidy result, because the types that the kernel joins are joined at once.
static int append_tidy(struct lb_e820 *map, struct lb_range range, uint32_t type, struct lb_error *err)
{
	return lb_e820_merges(type) ? lb_e820_append(map, range, type, err)
				    : lb_e820_add(map, range, type, err);
}

// Appends one RAM entry of e820_saved, cut at the borders where its new type may change.
// `kept` is sorted. An empty range of it keeps nothing.
static int append_ram(struct lb_e820 *map, struct lb_range ram, const struct lb_range kept[2],
		      struct lb_error *err)
{
	const uint64_t borders[] = {LB_LOW_END,    kept[0].start, kept[0].end,
				    kept[1].start, kept[1].end,   ram.end};

	for (unsigned int i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
		struct lb_range piece = {ram.start, borders[i] < ram.end ? borders[i] : ram.end};
		bool stays = piece.end <= LB_LOW_END || lb_range_contains(kept[0], piece) ||
			     lb_range_contains(kept[1], piece);

		if (lb_range_empty(piece))
			continue;
		if (append_tidy(map, piece, stays ? LB_E820_RAM : LB_E820_RESERVED, err) != 0)
			return -1;
		ram.start = piece.end;
	}
	return 0;
}

static int check_regions(const struct lb_e820 *saved, const struct lb_crash_regions *regions,
			 struct lb_error *err)
{
	struct lb_range crash = regions->crash, ram = regions->ram, low = regions->low;

	if (crash.start < LB_LOW_END || lb_range_empty(crash) || !lb_e820_all(saved, crash, LB_E820_RAM))
		return lb_fail(err, "memory map: the crash region 0x%lx-0x%lx is not all RAM above 1 MiB",
			       crash.start, crash.end);
	if (lb_range_empty(ram) || !lb_range_contains(crash, ram))
		return lb_fail(
			err,
			"memory map: the second kernel's RAM 0x%lx-0x%lx is not inside the crash region "
			"0x%lx-0x%lx",
			ram.start, ram.end, crash.start, crash.end);
	if (low.end < low.start)
		return lb_fail(err, "memory map: the low region starts at 0x%lx and ends before it, at 0x%lx",
			       low.start, low.end);
	if (!lb_range_empty(low) && (low.start < LB_LOW_END || !lb_e820_all(saved, low, LB_E820_RAM)))
		return lb_fail(err, "memory map: the low region 0x%lx-0x%lx is not all RAM above 1 MiB",
			       low.start, low.end);
	if (!lb_range_empty(low) && lb_range_overlaps(low, crash))
		return lb_fail(
			err,
			"memory map: the low region 0x%lx-0x%lx and the crash region 0x%lx-0x%lx overlap",
			low.start, low.end, crash.start, crash.end);
	return 0;
}

int lb_e820_second_by(const char *caller, const struct lb_e820 *saved, const struct lb_crash_regions *regions,
		      struct lb_e820 *map, struct lb_error *err)
{
	bool low_first = regions->low.start < regions->ram.start;
	const struct lb_range kept[2] = {low_first ? regions->low : regions->ram,
					 low_first ? regions->ram : regions->low};

	if (lb_e820_check_open(caller, "fill as the second kernel's", map, err) != 0 ||
	    check_regions(saved, regions, err) != 0)
		return -1;
	// The real-mode trampoline lives there: without it every kernel panics at boot.
	if (lb_e820_ram(saved, (struct lb_range){0, LB_LOW_END}) == 0)
		return lb_fail(err, "memory map: there is no RAM below 1 MiB, which the second kernel needs");

	map->count = 0;
	for (uint32_t i = 0; i < saved->count; i++) {
		const struct boot_e820_entry *entry = &saved->entries[i];
		int failed;

		if (entry->type == LB_E820_RAM)
			failed = append_ram(map, lb_e820_range(entry), kept, err);
		else
			failed = append_tidy(map, lb_e820_range(entry), entry->type, err);
		if (failed != 0)
			return -1;
	}
	return 0;
}
