// SPDX-License-Identifier: BSD-2-Clause
// Which part of old memory is mapped, and what a window may show, judged page by page.

#include "crash/dead/old_ranges.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct lb_range crash = {0x1000000, 0x1800000};

static struct lb_ram_piece piece(uint64_t start, uint64_t end, uint64_t now)
{
	return (struct lb_ram_piece){.phys = {start, end}, .now = now};
}

static void low_memory_is_in_crash_memory(void **state)
{
	struct lb_ram_piece pieces[] = {
		piece(0x1000, 0x9f000, 0x1700000), // the backup of low memory
		piece(0x100000, 0x1000000, 0x100000),
		piece(0x1800000, 0x2000000, 0x1800000),
	};
	struct lb_ram ram = {.pieces = pieces, .count = COUNT(pieces)};
	struct lb_ident_range ranges[COUNT(pieces)];

	(void)state;
	assert_int_equal(lb_old_ranges(&ram, crash, ranges), 2);
	assert_int_equal(ranges[0].range.start, 0x100000);
	assert_int_equal(ranges[0].range.end, 0x1000000);
	assert_int_equal(ranges[1].range.start, 0x1800000);
	assert_int_equal(ranges[1].range.end, 0x2000000);
	assert_int_equal(ranges[0].type, LB_MEM_WB);
}

static void neighbours_are_merged(void **state)
{
	struct lb_ram_piece pieces[] = {
		piece(0x2000000, 0x2001000, 0x2000000),
		piece(0x2001000, 0x2400000, 0x2001000),
		piece(0x2401000, 0x2402000, 0x2401000),
	};
	struct lb_ram ram = {.pieces = pieces, .count = COUNT(pieces)};
	struct lb_ident_range ranges[COUNT(pieces)];

	(void)state;
	assert_int_equal(lb_old_ranges(&ram, crash, ranges), 2);
	assert_int_equal(ranges[0].range.end, 0x2400000);
	assert_int_equal(ranges[1].range.start, 0x2401000);
}

static bool is_ram(const struct lb_ident_range *ranges, uint32_t count, uint64_t page)
{
	for (uint32_t i = 0; i < count; i++) {
		if (ranges[i].range.start <= page && page + LB_PAGE <= ranges[i].range.end)
			return true;
	}
	return false;
}

static bool all_ram(const struct lb_ident_range *ranges, uint32_t count, uint64_t start, uint64_t bytes)
{
	for (uint64_t page = start; page < start + bytes; page += LB_PAGE) {
		if (!is_ram(ranges, count, page))
			return false;
	}
	return true;
}

// Every page of an area is judged, with RAM that begins and ends at every kind of edge.
static void a_window_shows_nothing_but_ram(void **state)
{
	static const struct lb_ident_range ranges[] = {
		{{0x200000, 0x400000}, LB_MEM_WB}, // exactly one block of 2 MiB
		{{0x401000, 0x800000}, LB_MEM_WB}, // not from a block's beginning
		{{0x9ff000, 0xa00000}, LB_MEM_WB}, // one page
		{{0xa01000, 0xfff000}, LB_MEM_WB}, // not to a block's end
		{{0x1200000, 0x1201000}, LB_MEM_WB},
	};
	unsigned int large = 0, small = 0, none = 0;

	(void)state;
	for (uint64_t page = 0; page < 0x1600000; page += LB_PAGE) {
		uint64_t bytes = lb_old_ranges_block(ranges, COUNT(ranges), page), wanted = 0;

		if (all_ram(ranges, COUNT(ranges), lb_align_down(page, 2 * LB_MIB), 2 * LB_MIB))
			wanted = 2 * LB_MIB;
		else if (is_ram(ranges, COUNT(ranges), page))
			wanted = LB_PAGE;
		assert_int_equal(bytes, wanted);
		large += bytes == 2 * LB_MIB;
		small += bytes == LB_PAGE;
		none += bytes == 0;
	}
	assert_true(large && small && none);
	assert_int_equal(lb_old_ranges_block(ranges, 0, 0x200000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(low_memory_is_in_crash_memory),
		cmocka_unit_test(neighbours_are_merged),
		cmocka_unit_test(a_window_shows_nothing_but_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
