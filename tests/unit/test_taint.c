// SPDX-License-Identifier: BSD-2-Clause
// Taint flags as text, and taken from the lines of a log.
#include <string.h>

#include "crash/report/taint.h"
#include "unit.h"

static void says_letters_and_meanings(void **state)
{
	char text[512];

	(void)state;
	assert_string_equal(lb_taint_text(0, text, sizeof(text)), "no");
	assert_string_equal(lb_taint_text(1 << 12 | 1 << 9, text, sizeof(text)),
			    "WO (warning before, out-of-tree module)");
	assert_string_equal(lb_taint_text(1ULL << 63, text, sizeof(text)), "?");
	lb_taint_text(UINT64_MAX, text, sizeof(text));
	assert_int_equal(text[strlen(text) - 1], ')');
	assert_int_equal(strlen(lb_taint_text(UINT64_MAX, text, 20)), 19);
	assert_string_equal(lb_taint_text(1, text, 1), "");
}

static uint64_t read(const char *message)
{
	uint64_t flags = 77;

	assert_true(lb_taint_read(message, &flags));
	return flags;
}

static void reads_them_out_of_a_log(void **state)
{
	uint64_t flags = 77;

	(void)state;
	assert_int_equal(read("CPU: 1 PID: 92 Comm: busybox Tainted: G           OE      6.1.0 #1 Debian"),
			 1 << 12 | 1 << 13);
	assert_int_equal(read("CPU: 1 PID: 1 Comm: x Tainted: P D W 5.10.0"), 1 | 1 << 7 | 1 << 9);
	assert_int_equal(read("Tainted: [P]=PROPRIETARY_MODULE, [O]=OOT_MODULE"), 1 | 1 << 12);
	assert_int_equal(read("CPU: 1 Comm: x Not tainted 6.1.0"), 0);
	assert_int_equal(read("Tainted: "), 0);
	assert_int_equal(read("Tainted: ["), 0);
	assert_false(lb_taint_read("loading out-of-tree module taints kernel.", &flags));
	assert_int_equal(flags, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_letters_and_meanings),
		cmocka_unit_test(reads_them_out_of_a_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
