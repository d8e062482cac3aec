// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // timegm()
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/utc.h"
#include "unit.h"

// Compares with libc for every day of the years that a machine may show, and more.
static void test_every_day(void **state)
{
	char text[LB_UTC_TEXT], wanted[LB_UTC_TEXT];
	const time_t last = 253402300799; // 9999-12-31 23:59:59

	(void)state;
	for (time_t moment = 0; moment <= last; moment += 86400 + (moment < 9000000000 ? 1 : 86400 * 37)) {
		struct lb_utc utc;
		int64_t seconds = -1;
		struct tm tm;

		assert_non_null(gmtime_r(&moment, &tm));
		utc = (struct lb_utc){(uint32_t)tm.tm_year + 1900, (uint32_t)tm.tm_mon + 1,
				      (uint32_t)tm.tm_mday,        (uint32_t)tm.tm_hour,
				      (uint32_t)tm.tm_min,         (uint32_t)tm.tm_sec};
		assert_true(lb_utc_seconds(&utc, &seconds));
		assert_int_equal(seconds, moment);
		assert_true(strftime(wanted, sizeof(wanted), "%Y-%m-%d %H:%M:%S UTC", &tm));
		assert_string_equal(lb_utc_text((uint64_t)moment, text), wanted);
	}
	assert_string_equal(lb_utc_text((uint64_t)last, text), "9999-12-31 23:59:59 UTC");
	assert_string_equal(lb_utc_text((uint64_t)last + 1, text), "9999-12-31 23:59:59 UTC");
	assert_string_equal(lb_utc_text(UINT64_MAX, text), "9999-12-31 23:59:59 UTC");
}

static void test_no_date(void **state)
{
	static const struct lb_utc bad[] = {
		{1969, 12, 31, 0, 0, 0}, {10000, 1, 1, 0, 0, 0}, {2026, 0, 1, 0, 0, 0},
		{2026, 13, 1, 0, 0, 0},  {2026, 1, 0, 0, 0, 0},  {2026, 4, 31, 0, 0, 0},
		{2100, 2, 29, 0, 0, 0},  {2026, 1, 1, 24, 0, 0}, {2026, 1, 1, 0, 60, 0},
		{2026, 1, 1, 0, 0, 60},  {2026, 1, 32, 0, 0, 0}, {0, 0, 0, 0, 0, 0},
		{2025, 2, 29, 0, 0, 0},
	};
	int64_t seconds = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(lb_utc_seconds(&bad[i], &seconds));
	assert_int_equal(seconds, 77);
	assert_true(lb_utc_seconds(&(struct lb_utc){2000, 2, 29, 0, 0, 0}, &seconds));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_no_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
