// SPDX-License-Identifier: BSD-2-Clause

#include "crash/dead/hotadd.h"
#include "crash/plan/hotplug.h"
#include "unit.h"

#define G(gib) ((gib)*LB_GIB)

static struct boot_e820_entry entries[] = {
	{0, 0x9fc00, LB_E820_RAM},
	{LB_MIB, 3 * LB_GIB - LB_MIB, LB_E820_RAM},
	{0xfec00000, 0x1000, LB_E820_RESERVED},
	{4 * LB_GIB, LB_GIB, LB_E820_RAM},
};
static const struct lb_e820 saved = {.entries = entries, .count = 4, .capacity = 4};

static struct lb_srat srat_of(const struct lb_range *hotplug, uint32_t count)
{
	struct lb_srat srat = {.count = count};

	for (uint32_t i = 0; i < count; i++)
		srat.ranges[i] = (struct lb_srat_range){.range = hotplug[i], .hotplug = true};
	return srat;
}

static void check(struct lb_srat srat, const struct lb_range *wanted, uint32_t wanted_count)
{
	struct lb_range ranges[4];
	uint32_t count = 99;

	assert_int_equal(lb_hotplug_ranges(&srat, &saved, ranges, 4, &count), 0);
	assert_int_equal(count, wanted_count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(ranges[i].start, wanted[i].start);
		assert_int_equal(ranges[i].end, wanted[i].end);
	}
}

static void test_ram_is_left_out(void **state)
{
	const struct lb_range all = {0, G(8)};
	// Linux maps the hole below 1 MiB as if it were memory, so it is left out.
	const struct lb_range wanted[] = {{G(3), G(4)}, {G(5), G(8)}};

	(void)state;
	check(srat_of(&all, 1), wanted, 2);
}

static void test_merged_and_sorted(void **state)
{
	const struct lb_range given[] = {{G(12), G(14)}, {G(6), G(8)}, {G(10), G(12)}, {G(7), G(9)}};
	const struct lb_range wanted[] = {{G(6), G(9)}, {G(10), G(14)}};
	const struct lb_range bridging[] = {{G(6), G(7)}, {G(8), G(9)}, {G(10), G(11)}, {G(7), G(10)}};
	const struct lb_range bridged[] = {{G(6), G(11)}};

	(void)state;
	check(srat_of(given, 4), wanted, 2);
	check(srat_of(bridging, 4), bridged, 1);
}

static void test_whole_pages_and_sections(void **state)
{
	const uint64_t section = LB_HOTADD_SECTION;
	const struct lb_range given[] = {
		{G(6) + 1, G(6) + 2 * section + 0x1fff}, // contains one whole section
		// Contains no whole section: its first and last page are cut.
		{G(7) + 1, G(7) + 2 * section - 1},
		{G(8), G(8) + section},
		{UINT64_MAX - 5, UINT64_MAX},
	};
	const struct lb_range wanted[] = {{G(6) + 0x1000, G(6) + 2 * section + 0x1000},
					  {G(8), G(8) + section}};

	(void)state;
	check(srat_of(given, 4), wanted, 2);
}

static void test_only_hotplug(void **state)
{
	const struct lb_range given[] = {{G(6), G(7)}};
	struct lb_srat srat = srat_of(given, 1);

	(void)state;
	srat.ranges[0].hotplug = false;
	srat.ranges[0].nonvolatile = true;
	check(srat, NULL, 0);
}

static void test_too_many(void **state)
{
	struct lb_range given[6], ranges[4];
	struct lb_srat srat;
	uint32_t count = 99;

	(void)state;
	for (uint32_t i = 0; i < 6; i++)
		given[i] = (struct lb_range){G(6 + 2 * i), G(7 + 2 * i)};
	srat = srat_of(given, 6);
	assert_int_equal(lb_hotplug_ranges(&srat, &saved, ranges, 4, &count), 2);
	assert_int_equal(count, 4);
	assert_int_equal(ranges[3].end, G(13));
}

// Soft-reserved and persistent memory is cut out: crash/dead/special.c finds it.
static void test_special_memory(void **state)
{
	struct boot_e820_entry special_entries[] = {{G(4), G(1), LB_E820_RAM},
						    {G(6), G(1), LB_E820_SOFT_RESERVED},
						    {G(7), G(1), LB_E820_RESERVED},
						    {G(8), G(1), LB_E820_PMEM}};
	const struct lb_e820 special = {.entries = special_entries, .count = 4, .capacity = 4};
	const struct lb_range given = {G(5), G(10)};
	const struct lb_srat srat = srat_of(&given, 1);
	struct lb_range ranges[4];
	uint32_t count;

	(void)state;
	assert_int_equal(lb_hotplug_ranges(&srat, &special, ranges, 4, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(ranges[0].end, G(6));
	assert_int_equal(ranges[1].start, G(7));
	assert_int_equal(ranges[1].end, G(8));
	assert_int_equal(ranges[2].start, G(9));
	assert_int_equal(lb_hotplug_special_bytes(&special), G(2));
	assert_int_equal(lb_hotplug_special_bytes(&saved), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ram_is_left_out),
		cmocka_unit_test(test_merged_and_sorted),
		cmocka_unit_test(test_whole_pages_and_sections),
		cmocka_unit_test(test_only_hotplug),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_special_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
