// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/dump_options.h"

#include "lifeboat/dumpdisk.h"
#include "unit.h"

// As lifeboat.conf and the command line ask for it.
static const struct lb_dump_options none = {0}, once = {.selftest = true, .selftest_once = true},
				    now = {.selftest = true};

static void test_boot(void **state)
{
	static const struct {
		const struct lb_dump_options *options;
		bool possible;
		uint32_t verdict;
		enum lb_boot boot;
	} cases[] = {
		{&none, true, LB_SELFTEST_NONE, LB_BOOT_KERNEL},
		{&none, false, LB_SELFTEST_NONE, LB_BOOT_KERNEL},
		{&now, true, LB_SELFTEST_NONE, LB_BOOT_SELFTEST},
		{&now, true, LB_SELFTEST_PASSED, LB_BOOT_SELFTEST},
		{&now, true, LB_SELFTEST_BEGUN, LB_BOOT_SELFTEST},
		{&now, false, LB_SELFTEST_NONE, LB_BOOT_NOTHING},
		{&now, false, LB_SELFTEST_PASSED, LB_BOOT_NOTHING},
		{&once, true, LB_SELFTEST_NONE, LB_BOOT_SELFTEST},
		{&once, true, LB_SELFTEST_BEGUN, LB_BOOT_KERNEL}, // it did not come back: not again
		{&once, true, LB_SELFTEST_PASSED, LB_BOOT_KERNEL},
		{&once, true, LB_SELFTEST_FAILED, LB_BOOT_KERNEL},
		{&once, false, LB_SELFTEST_NONE, LB_BOOT_KERNEL},
		{&once, false, LB_SELFTEST_FAILED, LB_BOOT_KERNEL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(lb_dump_options_boot(cases[i].options, cases[i].possible, cases[i].verdict),
				 cases[i].boot);
}

// Of two places that ask for a self-test the later one counts.
static void test_selftest_asked_twice(void **state)
{
	struct lb_dump_options options = once;
	struct lb_error err;

	(void)state;
	assert_int_equal(lb_dump_options_set(&options, LB_DUMP_OPTION_SELFTEST, "--selftest", NULL, &err), 0);
	assert_int_equal(lb_dump_options_boot(&options, true, LB_SELFTEST_PASSED), LB_BOOT_SELFTEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_selftest_asked_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
