// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/plan/capturesize.h"
#include "lifeboat/capture_config.h"
#include "unit.h"

static struct lb_capture_size size;
static struct lb_error err;

static int compute(uint64_t contents, uint64_t tables, uint32_t cpus, uint64_t limit)
{
	memset(&size, 0xa5, sizeof(size));
	err.text[0] = '\0';
	return lb_capture_size(&(struct lb_capture_need){contents, tables, cpus, 1}, limit, &size, &err);
}

static uint64_t sum(void)
{
	return size.contents + size.buffers + size.helpers + size.tables + size.slack;
}

// Whatever the request is, the terms sum up to the total, and the total stays within the limit.
static void test_terms(void **state)
{
	static const uint64_t tables[] = {
		0,      LB_PAGE,   LB_MIB, LB_CAPTURE_TABLES_MAX, LB_CAPTURE_TABLES_MAX + LB_PAGE,
		LB_GIB, UINT64_MAX};

	(void)state;
	for (uint64_t contents = LB_PAGE; contents <= 20 * LB_MIB; contents += LB_MIB / 2 + LB_PAGE) {
		for (uint32_t cpus = 1; cpus <= 64; cpus++) {
			for (unsigned int i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
				if (compute(contents, tables[i], cpus, LB_CAPTURE_MAX)) {
					assert_true(contents > LB_CAPTURE_MAX - 4 * LB_MIB);
					continue;
				}
				assert_true(sum() <= size.total && size.total - sum() < 2 * LB_MIB);
				assert_true(size.total <= LB_CAPTURE_MAX &&
					    lb_aligned(size.total, 2 * LB_MIB));
				assert_true(size.cpus >= 1 && size.cpus <= cpus);
				assert_int_equal(size.contents, contents);
				assert_true(size.tables == 0 || size.tables == tables[i]);
			}
		}
	}
}

// A small machine should take no more than 8 MiB.
static void test_small_machine(void **state)
{
	(void)state;
	assert_int_equal(compute(LB_MIB + LB_MIB / 2, 64 * LB_KIB, 2, LB_CAPTURE_MAX), 0);
	assert_int_equal(size.cpus, 2);
	assert_int_equal(size.tables, 64 * LB_KIB);
	assert_true(size.total <= LB_CAPTURE_MIN);
}

// Eight CPUs fit under the first limit. Each further CPU costs 0.4 MiB at most. All CPUs compress where the
// machine has enough RAM for them.
static void test_many_cpus(void **state)
{
	uint64_t of_eight;

	(void)state;
	assert_int_equal(compute(3 * LB_MIB / 2, LB_MIB, 8, lb_capture_limit(8, 64 * LB_GIB)), 0);
	of_eight = sum();
	for (uint32_t cpus = 9; cpus <= LB_MAX_CAPTURE_CPUS; cpus++) {
		const uint64_t limit = lb_capture_limit(cpus, 64 * LB_GIB);

		assert_int_equal(compute(3 * LB_MIB / 2, LB_MIB, cpus, limit), 0);
		assert_int_equal(size.cpus, cpus);
		assert_true(sum() <= of_eight + (cpus - 8) * (4 * LB_MIB / 10));
	}
	assert_true(size.total <= 32 * LB_MIB);
	// A small machine with many CPUs starts fewer of them rather than take more RAM.
	assert_int_equal(lb_capture_limit(64, LB_GIB / 2), LB_CAPTURE_MAX + 8 * LB_MIB);
	assert_int_equal(lb_capture_limit(64, 0), LB_CAPTURE_MAX);
	assert_int_equal(lb_capture_limit(8, 1024 * LB_GIB), LB_CAPTURE_MAX);
	assert_int_equal(compute(3 * LB_MIB / 2, LB_MIB, 64, lb_capture_limit(64, LB_GIB / 4)), 0);
	assert_true(size.cpus >= 8 && size.cpus < 64);
}

// When the limit is too low, CPUs are given up first, then the tables, and no more than necessary.
static void test_cut(void **state)
{
	uint64_t one, helpers_of_8;

	(void)state;
	assert_int_equal(compute(2 * LB_MIB, 0, 8, LB_CAPTURE_MAX), 0);
	assert_int_equal(size.cpus, 8);
	helpers_of_8 = size.helpers;
	assert_int_equal(compute(2 * LB_MIB, 0, 1, LB_CAPTURE_MAX), 0);
	one = (helpers_of_8 - size.helpers) / 7; // bytes that one more CPU takes

	assert_int_equal(compute(2 * LB_MIB, LB_MIB, 64, 8 * LB_MIB), 0);
	assert_true(size.cpus > 1 && size.cpus < 64);
	assert_int_equal(size.tables, LB_MIB);
	assert_true(sum() + one > 8 * LB_MIB);

	// With the tables there would be no room for even one CPU.
	assert_int_equal(compute(2 * LB_MIB, 4 * LB_MIB, 64, 6 * LB_MIB), 0);
	assert_int_equal(size.tables, 0);
	assert_true(size.cpus >= 1);
}

static void test_too_small(void **state)
{
	(void)state;
	assert_int_equal(compute(2 * LB_MIB, 0, 4, 4 * LB_MIB), -1);
	assert_string_equal(
		err.text,
		"crash region: 2 MiB and a heap of 3.7 MiB for the built-in capture kernel with one "
		"CPU do not fit into 4 MiB");
	assert_int_equal(compute(UINT64_MAX, 0, 1, LB_CAPTURE_MAX), -1);
	assert_int_equal(compute(LB_MIB, 0, 1, 0), -1);
	assert_int_equal(compute(LB_MIB, 0, 1, 2 * LB_MIB - 1), -1);
}

// Each further target takes the same memory. Without room for a second target, the first one is still
// planned.
static void test_targets(void **state)
{
	struct lb_capture_need need = {.contents = 2 * LB_MIB, .cpus = 2, .targets = 1};
	uint64_t first, each;

	(void)state;
	assert_int_equal(lb_capture_size(&need, LB_CAPTURE_MAX, &size, &err), 0);
	first = size.buffers;
	need.targets = 2;
	assert_int_equal(lb_capture_size(&need, LB_CAPTURE_MAX, &size, &err), 0);
	each = size.buffers - first;
	assert_true(each >= LB_CAPTURE_DISK + LB_CAPTURE_WRITER + 4 * LB_CAPTURE_BUFFER);
	need.targets = 4;
	assert_int_equal(lb_capture_size(&need, LB_CAPTURE_MAX, &size, &err), 0);
	assert_int_equal(size.buffers, first + 3 * each);
	assert_int_equal(lb_capture_size(&need, 6 * LB_MIB, &size, &err), 0);
	assert_int_equal(size.buffers, first);
	assert_int_equal(size.cpus, 1);
	need.targets = 0; // without a target the log goes to the console
	assert_int_equal(lb_capture_size(&need, LB_CAPTURE_MAX, &size, &err), 0);
	assert_int_equal(size.buffers, first);
}

// Whatever the plan gave up, the capture kernel can start as many CPUs as planned after it opened the first
// target.
static void test_planned_cpus_start(void **state)
{
	(void)state;
	for (uint32_t targets = 1; targets <= 4; targets++) {
		for (uint64_t limit = 6 * LB_MIB; limit <= LB_CAPTURE_MAX; limit += 2 * LB_MIB) {
			const struct lb_capture_need need = {
				.contents = LB_MIB, .tables = LB_MIB, .cpus = 8, .targets = targets};
			uint64_t left;

			assert_int_equal(lb_capture_size(&need, limit, &size, &err), 0);
			left = size.total - size.contents - size.tables - size.slack + LB_CAPTURE_WRITER;
			left -= lb_capture_buffers(left + LB_CAPTURE_STATE, size.cpus, targets) *
				LB_CAPTURE_BUFFER;
			assert_true(lb_capture_cpus(left, size.cpus, targets) >= size.cpus);
		}
	}
}

// The capture kernel's own calculation gives a usable answer even with less memory than any plan leaves.
static void test_short_heap(void **state)
{
	(void)state;
	assert_int_equal(lb_capture_tables(0, 64, 4), 0);
	assert_int_equal(lb_capture_buffers(0, 64, 4), LB_CAPTURE_BUFFERS_MIN);
	assert_int_equal(lb_capture_buffers(0, 0, 0), LB_CAPTURE_BUFFERS_MIN);
	assert_int_equal(lb_capture_cpus(0, 64, 1), 0);
	assert_int_equal(lb_capture_cpus(lb_capture_helpers(1), 64, 4), 1);
	assert_int_equal(lb_capture_cpus(lb_capture_helpers(7) + LB_CAPTURE_WRITER, 64, 1), 7);
	assert_int_equal(lb_capture_cpus(lb_capture_helpers(7) + LB_CAPTURE_WRITER - 1, 64, 1), 6);
}

// Page tables for the whole pages of RAM, below one root.
static void test_ram_tables(void **state)
{
	struct boot_e820_entry entries[] = {
		{0, 0x9fc00, LB_E820_RAM}, // needs a PT, because the last page is only partly RAM
		{2 * LB_MIB, LB_GIB - 2 * LB_MIB, LB_E820_RAM}, // in the same PD, with leaves of 2 MiB
		{3 * LB_GIB, LB_GIB, LB_E820_RESERVED},
		{LB_4GIB, 4 * LB_GIB, LB_E820_RAM}, // with leaves of 1 GiB
	};
	const struct lb_e820 map = {entries, 4, 4, true};
	struct lb_capture_paging paging = {46, true, false};
	struct lb_ident_range room[4];

	(void)state;
	assert_int_equal(lb_capture_ram_tables(&map, &paging, room), (1 + 1 + 1 + 1) * LB_PAGE);
	paging.la57 = true;
	assert_int_equal(lb_capture_ram_tables(&map, &paging, room), (2 + 1 + 1 + 1) * LB_PAGE);
	paging = (struct lb_capture_paging){46, false, false};
	assert_int_equal(lb_capture_ram_tables(&map, &paging, room), (1 + 1 + 5 + 1) * LB_PAGE);
	paging.phys_bits = 32; // RAM lies beyond the CPU's physical width: windows replace the tables
	assert_int_equal(lb_capture_ram_tables(&map, &paging, room), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_small_machine),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_planned_cpus_start),
		cmocka_unit_test(test_short_heap),
		cmocka_unit_test(test_ram_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
