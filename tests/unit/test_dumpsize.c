// SPDX-License-Identifier: BSD-2-Clause
// crash/plan/dumpsize.c; test_dump.c compares it with a dump that was written.
#include "crash/plan/dumpsize.h"
#include "lifeboat/dumpdisk.h"
#include "lifeboat/range.h"
#include "unit.h"

// docs/install.md
static uint64_t rule(uint64_t ram)
{
	return ram + ram / 100 + 32 * LB_MIB;
}

// What people are told holds any dump, with RAM that ends 4 GiB later for its holes.
static void test_rule(void **state)
{
	(void)state;
	for (uint64_t ram = 16 * LB_MIB; ram <= 64 * LB_TIB; ram += ram / 3 + LB_PAGE) {
		uint64_t pages = ram / LB_PAGE, end = pages + 4 * LB_GIB / LB_PAGE;

		assert_in_range(lb_dump_size_largest(pages, end), ram, rule(ram));
	}
}

// Each part by itself: log, notes, report and blocks; 4096 and 24 bytes a page; two bits a page number.
static void test_parts(void **state)
{
	uint64_t least = lb_dump_size_largest(0, 0);

	(void)state;
	assert_int_equal(least, (16 + 4) * LB_MIB + LB_DUMP_REPORT_MAX + 7 * LB_PAGE);
	assert_int_equal(lb_dump_size_largest(LB_PAGE, 0) - least, LB_PAGE * (4096 + 24));
	assert_int_equal(lb_dump_size_largest(0, 8 * 16 * LB_PAGE) - least, 2 * 16 * LB_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
