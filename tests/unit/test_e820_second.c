// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/plan/e820_second.h"
#include "map_entries.h"
#include "unit.h"

static void test_second(void **state)
{
	struct boot_e820_entry entries[ROOM];
	struct lb_e820 second = {.entries = entries, .capacity = ROOM};
	struct lb_e820 saved = MAP({0, 0x9fc00, 1}, {0x9fc00, 0xa0000, 2}, {0x100000, 0x40000000, 1},
				   {0x40000000, 0x40001000, 3}, {0x100000000, 0x200000000, 1});
	const struct lb_crash_regions regions = {{0x10000000, 0x20000000}, {0x10000000, 0x1f000000}, {0, 0}};
	static const struct {
		struct lb_crash_regions regions;
		const char *wanted;
	} bad[] = {
		{{{0x3fe00000, 0x40200000}, {0x3fe00000, 0x40000000}, {0, 0}}, "is not all RAM above 1 MiB"},
		{{{0x0, 0x9f000}, {0x0, 0x9f000}, {0, 0}}, "is not all RAM above 1 MiB"},
		{{{0x10000000, 0x20000000}, {0x1000, 0x1f000000}, {0, 0}}, "not inside the crash region"},
	};
	struct lb_error err;

	(void)state;
	assert_int_equal(lb_e820_second(&saved, &regions, &second, &err), 0);
	CHECK(&second, {0, 0x9fc00, 1}, {0x9fc00, 0xa0000, 2}, {0x100000, 0x10000000, 2},
	      {0x10000000, 0x1f000000, 1}, {0x1f000000, 0x40000000, 2}, {0x40000000, 0x40001000, 3},
	      {0x100000000, 0x200000000, 2});

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(lb_e820_second(&saved, &bad[i].regions, &second, &err), -1);
		if (!strstr(err.text, bad[i].wanted))
			fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].wanted);
	}
	second.capacity = 4;
	assert_int_equal(lb_e820_second(&saved, &regions, &second, &err), -1);
	assert_non_null(strstr(err.text, "room for 4"));
}

// An entry that reaches across 1 MiB is cut there.
static void test_second_through_1mib(void **state)
{
	struct boot_e820_entry entries[8];
	struct lb_e820 second = {.entries = entries, .capacity = 8};
	struct lb_e820 saved = MAP({0, 0x40000000, 1});
	const struct lb_crash_regions regions = {{0x10000000, 0x40000000}, {0x10000000, 0x40000000}, {0, 0}};
	struct lb_error err;

	(void)state;
	assert_int_equal(lb_e820_second(&saved, &regions, &second, &err), 0);
	CHECK(&second, {0, 0x100000, 1}, {0x100000, 0x10000000, 2}, {0x10000000, 0x40000000, 1});

	saved = MAP({0x100000, 0x40000000, 1});
	assert_int_equal(lb_e820_second(&saved, &regions, &second, &err), -1);
	assert_non_null(strstr(err.text, "below 1 MiB"));
}

// The low region lies below or above the crash region, in the same entry or in another, or touches it. Bad
// low regions are refused.
static void test_second_low(void **state)
{
	struct boot_e820_entry entries[ROOM];
	struct lb_e820 second = {.entries = entries, .capacity = ROOM};
	struct lb_e820 saved = MAP({0, 0x40000000, 1}, {0x100000000, 0x200000000, 1});
	const struct lb_range high = {0x180000000, 0x190000000}, high_ram = {0x180000000, 0x18f000000};
	const struct lb_range low = {0x30000000, 0x36000000};
	static const struct {
		struct lb_range low;
		const char *wanted;
	} bad[] = {
		{{0x80000, 0x200000}, "is not all RAM above 1 MiB"},
		{{0x3fe00000, 0x40200000}, "the low region 0x3fe00000-0x40200000 is not all RAM"},
		{{0x18ffff000, 0x191000000}, "and the crash region 0x180000000-0x190000000 overlap"},
		{{0x180000000, 0x190000000}, "overlap"},
		{{0x36000000, 0x30000000}, "ends before it"},
	};
	struct lb_crash_regions regions = {high, high_ram, low};
	struct lb_error err;

	(void)state;
	assert_int_equal(lb_e820_second(&saved, &regions, &second, &err), 0);
	CHECK(&second, {0, 0x100000, 1}, {0x100000, 0x30000000, 2}, {0x30000000, 0x36000000, 1},
	      {0x36000000, 0x40000000, 2}, {0x100000000, 0x180000000, 2}, {0x180000000, 0x18f000000, 1},
	      {0x18f000000, 0x200000000, 2});
	regions = (struct lb_crash_regions){low, low, {0x100000, 0x200000}};
	assert_int_equal(lb_e820_second(&saved, &regions, &second, &err), 0);
	CHECK(&second, {0, 0x200000, 1}, {0x200000, 0x30000000, 2}, {0x30000000, 0x36000000, 1},
	      {0x36000000, 0x40000000, 2}, {0x100000000, 0x200000000, 2});
	// Adjacent regions become one entry, unless the crash region's tail between them is not RAM.
	regions = (struct lb_crash_regions){high, high, {0x170000000, 0x180000000}};
	assert_int_equal(lb_e820_second(&saved, &regions, &second, &err), 0);
	CHECK(&second, {0, 0x100000, 1}, {0x100000, 0x40000000, 2}, {0x100000000, 0x170000000, 2},
	      {0x170000000, 0x190000000, 1}, {0x190000000, 0x200000000, 2});
	regions = (struct lb_crash_regions){high, high_ram, {0x190000000, 0x200000000}};
	assert_int_equal(lb_e820_second(&saved, &regions, &second, &err), 0);
	CHECK(&second, {0, 0x100000, 1}, {0x100000, 0x40000000, 2}, {0x100000000, 0x180000000, 2},
	      {0x180000000, 0x18f000000, 1}, {0x18f000000, 0x190000000, 2}, {0x190000000, 0x200000000, 1});
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		regions.low = bad[i].low;
		assert_int_equal(lb_e820_second(&saved, &regions, &second, &err), -1);
		if (!strstr(err.text, bad[i].wanted))
			fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].wanted);
	}
}

static void test_second_sealed(void **state)
{
	const struct lb_crash_regions regions = {{0x100000, 0x200000}, {0x100000, 0x200000}, {0, 0}};
	struct lb_e820 map = MAP({0, 100, 1}, {0x100000, 0x200000, 1});
	struct lb_e820 saved = map;
	struct lb_error err = {""};

	(void)state;
	lb_e820_seal(&map);
	assert_int_equal(lb_e820_second(&saved, &regions, &map, &err), -1);
	assert_non_null(strstr(err.text, "test_second_sealed() wanted to fill as the second kernel's a table "
					 "of 2 entries that is sealed"));
	CHECK(&map, {0, 100, 1}, {0x100000, 0x200000, 1});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_second),
		cmocka_unit_test(test_second_through_1mib),
		cmocka_unit_test(test_second_low),
		cmocka_unit_test(test_second_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
