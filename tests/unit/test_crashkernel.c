// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crash/crashkernel.h"
#include "lifeboat/range.h"

#define RAM (8 * LB_GIB)

static void test_good(void **state)
{
	static const struct {
		const char *spec;
		uint64_t ram;
		struct lb_crashkernel wanted;
	} good[] = {
		{"auto", RAM, {true, 0, 0}},
		{"256M", RAM, {false, 256 * LB_MIB, 0}},
		{"256m", RAM, {false, 256 * LB_MIB, 0}},
		{"1G", RAM, {false, LB_GIB, 0}},
		{"262144k", RAM, {false, 256 * LB_MIB, 0}},
		{"268435456", RAM, {false, 256 * LB_MIB, 0}},
		{"0x10000000", RAM, {false, 256 * LB_MIB, 0}},
		{"0X10000K", RAM, {false, 64 * LB_MIB, 0}},
		{"0400M", RAM, {false, 256 * LB_MIB, 0}},
		{"0", RAM, {false, 0, 0}},
		{"256M@512M", RAM, {false, 256 * LB_MIB, 512 * LB_MIB}},
		{"256M@0x20000000", RAM, {false, 256 * LB_MIB, 512 * LB_MIB}},
		{"1T", 2 * LB_TIB, {false, LB_TIB, 0}},
		// Ranges: the start is inside, the end is not, the first that holds decides.
		{"512M-2G:64M,2G-:128M", LB_GIB, {false, 64 * LB_MIB, 0}},
		{"512M-2G:64M,2G-:128M", 2 * LB_GIB, {false, 128 * LB_MIB, 0}},
		{"512M-2G:64M,2G-:128M@256M", RAM, {false, 128 * LB_MIB, 256 * LB_MIB}},
		{"512M-2G:64M,2G-:128M", 256 * LB_MIB, {false, 0, 0}},
		{"1G-:64M,2G-:128M", RAM, {false, 64 * LB_MIB, 0}},
		{"0-:64M", RAM, {false, 64 * LB_MIB, 0}},
		// 2 GiB less what the firmware kept still counts as 2 GiB.
		{"512M-2G:64M,2G-:128M", 2 * LB_GIB - 20 * LB_MIB, {false, 128 * LB_MIB, 0}},
		{"512M-2G:64M,2G-:128M", 2 * LB_GIB - 128 * LB_MIB, {false, 64 * LB_MIB, 0}},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct lb_crashkernel result = {0};
		struct lb_error err = {""};

		if (lb_crashkernel_parse(good[i].spec, good[i].ram, &result, &err))
			fail_msg("%s", err.text);
		assert_int_equal(result.automatic, good[i].wanted.automatic);
		assert_int_equal(result.bytes, good[i].wanted.bytes);
		assert_int_equal(result.offset, good[i].wanted.offset);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *spec, *wanted;
	} bad[] = {
		{"", "nothing follows"},
		{"autos", "character 1 is 'a', wanted a number"},
		{"Auto", "character 1 is 'A'"},
		{"x", "character 1 is 'x'"},
		{"-5", "character 1 is '-'"},
		{"512Q", "character 4 is 'Q', wanted a unit"},
		{"512MB", "character 5 is 'B'"},
		{"512M ", "character 5 is ' '"},
		{"0x", "ends at character 3, wanted a hexadecimal digit"},
		{"089", "character 2 is '8'"},
		{"256M@", "ends at character 6, wanted a number"},
		{"256M@x", "character 6 is 'x'"},
		{"256M@1G@2G", "character 8 is '@'"},
		{"256M,high", "\",high\" at character 5 is not supported"},
		{"256M,low", "\",low\" at character 5 is not supported"},
		{"256M@16M,high", "\",high\" at character 9 is not supported"},
		{"1G-:256M,high", "\",high\" at character 9 is not supported"},
		{"1G-2G", "ends at character 6, wanted ':'"},
		{"1G-2G:", "ends at character 7, wanted a number"},
		{"1G:64M", "character 3 is ':', wanted '-'"},
		{"2G-1G:64M", "character 4 is '1', wanted an end above"},
		{"1G-1G:64M", "wanted an end above"},
		{"1G-2G:64M,", "\",\" at character 10 is not supported"},
		{"1G-2G:64M,x", "\",x\" at character 10"},
		{"1G-2G:64M;2G-:1M", "character 10 is ';'"},
		// A range that does not apply is checked as well.
		{"0-1K:1M,4G-:zz", "character 13 is 'z'"},
		{"18446744073709551616", "64 bits"},
		{"0x10000000000000000", "64 bits"},
		{"17179869184G", "64 bits"},
		{"16E", "64 bits"},
		{"8G", "asks for 8 GiB, the machine has 8 GiB"},
		{"0-:9G", "asks for 9 GiB, the machine has 8 GiB"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lb_crashkernel result = {true, 1, 2};
		struct lb_error err = {""};

		if (lb_crashkernel_parse(bad[i].spec, RAM, &result, &err) != -1)
			fail_msg("\"%s\" was taken", bad[i].spec);
		if (!strstr(err.text, bad[i].wanted) || !strstr(err.text, bad[i].spec))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", bad[i].spec, err.text, bad[i].wanted);
		assert_true(result.automatic && result.bytes == 1 && result.offset == 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
