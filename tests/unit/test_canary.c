// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/canary.h"

#include <string.h>

#include "tests/unit/unit.h"

static uint64_t page[LB_PAGE / 8];

static void test_lives(void **state)
{
	(void)state;
	lb_canary_fill(page, 5 * LB_PAGE);
	assert_true(lb_canary_lives(page, 5 * LB_PAGE));
	// A canary that was copied to another address does not count, nor does an empty page.
	assert_false(lb_canary_lives(page, 6 * LB_PAGE));
	memset(page, 0, sizeof(page));
	assert_false(lb_canary_lives(page, 0));
}

static void test_every_bit_counts(void **state)
{
	(void)state;
	lb_canary_fill(page, LB_GIB);
	for (size_t bit = 0; bit < LB_PAGE * 8; bit++) {
		page[bit / 64] ^= 1ULL << bit % 64;
		assert_false(lb_canary_lives(page, LB_GIB));
		page[bit / 64] ^= 1ULL << bit % 64;
	}
	assert_true(lb_canary_lives(page, LB_GIB));
}

static void test_range(void **state)
{
	const uint64_t bytes = LB_CANARY_PAGES * LB_PAGE;
	const struct {
		struct lb_range free, wanted;
	} rows[] = {
		{{LB_GIB, LB_GIB + 2 * bytes}, {LB_GIB + bytes, LB_GIB + 2 * bytes}},
		{{LB_GIB + 1, LB_GIB + 2 * bytes + LB_PAGE + 1},
		 {LB_GIB + bytes + LB_PAGE, LB_GIB + 2 * bytes + LB_PAGE}},
		{{LB_GIB, LB_GIB + 2 * bytes - LB_PAGE}, {0, 0}},
		{{LB_GIB, LB_GIB}, {0, 0}},
		{{0, 0}, {0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct lb_range found = lb_canary_range(rows[i].free);

		assert_int_equal(found.start, rows[i].wanted.start);
		assert_int_equal(found.end, rows[i].wanted.end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
