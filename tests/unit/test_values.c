// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/values.h"

#include <string.h>

#include "unit.h"

static void test_refuse(void **state)
{
	struct lb_error err;

	(void)state;
	assert_int_equal(lb_value_refuse("--x", "y", "z", &err), -1);
	assert_string_equal(err.text, "--x: \"y\" was given, wanted z");
}

static void test_copy(void **state)
{
	char text[4] = "old";
	struct lb_error err;

	(void)state;
	assert_int_equal(lb_value_copy("--x", "abcdef", 4, text, sizeof(text), &err), -1);
	assert_string_equal(err.text, "--x: \"abcd...\" has 4 bytes, 3 are possible");
	assert_string_equal(text, "old");
	assert_int_equal(lb_value_copy("--x", "abcdef", 3, text, sizeof(text), &err), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(lb_value_copy("--x", "abcdef", 0, text, sizeof(text), &err), 0);
	assert_string_equal(text, "");
}

static void test_number(void **state)
{
	static const struct {
		const char *value;
		uint32_t min, max;
		bool good;
		uint32_t number;
	} cases[] = {
		{"0", 0, 31, true, 0},
		{"31", 0, 31, true, 31},
		{"05", 0, 31, true, 5},
		{"32", 0, 31, false, 0},
		{"005", 0, 31, false, 0},
		{"", 0, 31, false, 0},
		{"-1", 0, 31, false, 0},
		{"1a", 0, 31, false, 0},
		{"a", 0, 31, false, 0},
		{" 1", 0, 31, false, 0},
		{"4", 5, 613, false, 0},
		{"613", 5, 613, true, 613},
		{"614", 5, 613, false, 0},
		{"5m", 5, 613, false, 0},
		{"18446744073709551621", 5, 613, false, 0}, // 5 if cut to 64 bits
		{"4294967295", 0, UINT32_MAX, true, UINT32_MAX},
		{"4294967296", 0, UINT32_MAX, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t number = 77;

		assert_int_equal(lb_value_number(cases[i].value, cases[i].min, cases[i].max, &number),
				 cases[i].good);
		assert_int_equal(number, cases[i].good ? cases[i].number : 77);
	}
}

static void test_address(void **state)
{
	static const struct {
		const char *value;
		bool good;
		uint64_t address;
	} cases[] = {
		{"0x0", true, 0},
		{"0XfF", true, 0xff},
		{"0xffffffffffffffff", true, UINT64_MAX},
		{"0x00000000000000001", true, 1},
		{"0x10000000000000000", false, 0},
		{"0x", false, 0},
		{"0xg", false, 0},
		{"0x1 ", false, 0},
		{"0", false, 0},
		{"", false, 0},
		{"10", false, 0},
		{"x1", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t address = 77;

		assert_int_equal(lb_value_address(cases[i].value, &address), cases[i].good);
		assert_int_equal(address, cases[i].good ? cases[i].address : 77);
	}
}

static void test_name(void **state)
{
	static const char *const names[] = {"one", "two"};
	uint32_t index = 77;

	(void)state;
	assert_false(lb_value_name("tw", names, 2, &index));
	assert_false(lb_value_name("two", names, 1, &index));
	assert_false(lb_value_name("", names, 2, &index));
	assert_int_equal(index, 77);
	assert_true(lb_value_name("two", names, 2, &index));
	assert_int_equal(index, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuse),  cmocka_unit_test(test_copy), cmocka_unit_test(test_number),
		cmocka_unit_test(test_address), cmocka_unit_test(test_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
