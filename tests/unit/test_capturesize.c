// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/plan/capturesize.h"
#include "unit.h"

static struct lb_capture_size size;
static struct lb_error err;

static int compute(uint64_t contents, uint64_t tables, uint32_t cpus, uint64_t limit)
{
	memset(&size, 0xa5, sizeof(size));
	err.text[0] = '\0';
	return lb_capture_size(contents, tables, cpus, limit, &size, &err);
}

static uint64_t sum(void)
{
	return size.contents + size.buffers + size.helpers + size.tables + size.slack;
}

// Whatever it is given: the terms fit into the total, the total into the limit.
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
					assert_true(contents > LB_CAPTURE_MAX - 3 * LB_MIB);
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

// What a small machine takes: the aim is 8 MiB.
static void test_small_machine(void **state)
{
	(void)state;
	assert_int_equal(compute(LB_MIB + LB_MIB / 2, 64 * LB_KIB, 2, LB_CAPTURE_MAX), 0);
	assert_int_equal(size.cpus, 2);
	assert_int_equal(size.tables, 64 * LB_KIB);
	assert_true(size.total <= LB_CAPTURE_MIN);
}

// CPUs go first, then the tables; and not one more than it takes.
static void test_cut(void **state)
{
	uint64_t one, helpers_of_8;

	(void)state;
	assert_int_equal(compute(2 * LB_MIB, 0, 8, LB_CAPTURE_MAX), 0);
	assert_int_equal(size.cpus, 8);
	helpers_of_8 = size.helpers;
	assert_int_equal(compute(2 * LB_MIB, 0, 1, LB_CAPTURE_MAX), 0);
	one = (helpers_of_8 - size.helpers) / 7; // what one more CPU takes

	assert_int_equal(compute(2 * LB_MIB, LB_MIB, 64, 8 * LB_MIB), 0);
	assert_true(size.cpus > 1 && size.cpus < 64);
	assert_int_equal(size.tables, LB_MIB);
	assert_true(sum() + one > 8 * LB_MIB);

	// With the tables not even one CPU has room.
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
		"crash region: 2 MiB and a heap of 2.3 MiB for the built-in capture kernel with one "
		"CPU do not fit into 4 MiB");
	assert_int_equal(compute(UINT64_MAX, 0, 1, LB_CAPTURE_MAX), -1);
	assert_int_equal(compute(LB_MIB, 0, 1, 0), -1);
	assert_int_equal(compute(LB_MIB, 0, 1, 2 * LB_MIB - 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terms),
		cmocka_unit_test(test_small_machine),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
