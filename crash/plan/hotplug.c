// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/hotplug.h"

struct list {
	struct lb_range *ranges;
	uint32_t count, capacity;
	uint32_t left_out;
};

// Sorted in, and joined with whatever it touches.
static void insert(struct list *list, struct lb_range range)
{
	uint32_t at = 0, last;

	while (at < list->count && list->ranges[at].end < range.start)
		at++;
	for (last = at; last < list->count && list->ranges[last].start <= range.end; last++) {
		if (list->ranges[last].start < range.start)
			range.start = list->ranges[last].start;
		if (list->ranges[last].end > range.end)
			range.end = list->ranges[last].end;
	}
	if (last == at && list->count == list->capacity) {
		list->left_out++;
		return;
	}
	// [at, last) becomes one range.
	if (last == at) {
		for (uint32_t i = list->count++; i > at; i--)
			list->ranges[i] = list->ranges[i - 1];
	} else {
		for (uint32_t i = last; i < list->count; i++)
			list->ranges[at + 1 + i - last] = list->ranges[i];
		list->count -= last - at - 1;
	}
	list->ranges[at] = range;
}

static bool holds_a_section(struct lb_range range)
{
	uint64_t start;

	return lb_align_up_checked(range.start, LB_HOTADD_SECTION, &start) && start < range.end &&
	       range.end - start >= LB_HOTADD_SECTION;
}

static void insert_hole(struct list *list, uint64_t start, uint64_t end)
{
	struct lb_range hole = {start > LB_LOW_END ? start : LB_LOW_END, end};

	if (holds_a_section(hole))
		insert(list, hole);
}

// Inserts the parts of `range` that `saved` calls neither RAM nor special.
static void insert_unused(struct list *list, struct lb_range range, const struct lb_e820 *saved)
{
	for (uint32_t i = 0; i < saved->count && !lb_range_empty(range); i++) {
		const struct boot_e820_entry *entry = &saved->entries[i];
		struct lb_range ram = {lb_align_down(entry->addr, LB_PAGE), entry->addr + entry->size};

		if ((entry->type != LB_E820_RAM && !lb_hotplug_is_special(entry->type)) ||
		    ram.end <= range.start)
			continue;
		if (ram.start >= range.end)
			break;
		insert_hole(list, range.start, ram.start);
		if (!lb_align_up_checked(ram.end, LB_PAGE, &range.start) || range.start > range.end)
			range.start = range.end;
	}
	insert_hole(list, range.start, range.end);
}

uint32_t lb_hotplug_ranges(const struct lb_srat *srat, const struct lb_e820 *saved,
			   struct lb_range *ret_ranges, uint32_t capacity, uint32_t *ret_count)
{
	struct list list = {.ranges = ret_ranges, .capacity = capacity};

	for (uint32_t i = 0; i < srat->count; i++) {
		struct lb_range range = srat->ranges[i].range;

		if (!srat->ranges[i].hotplug || !lb_align_up_checked(range.start, LB_PAGE, &range.start))
			continue;
		range.end = lb_align_down(range.end, LB_PAGE);
		if (range.start < range.end)
			insert_unused(&list, range, saved);
	}
	*ret_count = list.count;
	return list.left_out;
}

uint64_t lb_hotplug_special_bytes(const struct lb_e820 *saved)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < saved->count; i++) {
		if (lb_hotplug_is_special(saved->entries[i].type))
			bytes += saved->entries[i].size;
	}
	return bytes;
}
