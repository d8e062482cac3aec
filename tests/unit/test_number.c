// SPDX-License-Identifier: BSD-2-Clause
#include "lib/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

// Each character is compared with libc.
static void test_digits(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		const char text[] = {(char)c, '\0'};
		char *end;
		long value = strtol(text, &end, 16);
		bool decimal = c && strchr("0123456789", c);

		assert_int_equal(lb_digit_value((char)c), end == text || strspn(text, " \t") ? -1 : value);
		assert_int_equal(lb_is_decimal((char)c), decimal);
	}
}

static void test_bytes(void **state)
{
	(void)state;
	for (unsigned int byte = 0; byte < 256; byte++) {
		char text[3];

		snprintf(text, sizeof(text), "%02x", byte);
		assert_int_equal(lb_hex_byte(text), byte);
		snprintf(text, sizeof(text), "%02X", byte);
		assert_int_equal(lb_hex_byte(text), byte);
	}
	assert_int_equal(lb_hex_byte("g0"), -1);
	assert_int_equal(lb_hex_byte("0-"), -1);
}

// Not inlined, because the compiler would see the content and warn that it is never read.
static __attribute__((noinline)) char *copy(const char *text, size_t bytes)
{
	char *exact = malloc(bytes ? bytes : 1);

	assert_non_null(exact);
	memcpy(exact, text, bytes);
	return exact;
}

// Nothing is read behind the NUL: ASan guards the copy.
static void test_a_byte_ends_at_its_nul(void **state)
{
	char *one = copy("", 1), *two = copy("a", 2);

	(void)state;
	assert_int_equal(lb_hex_byte(one), -1);
	assert_int_equal(lb_hex_byte(two), -1);
	free(one);
	free(two);
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		unsigned int base;
		uint64_t number;
	} good[] = {
		{"0", 10, 0},
		{"18446744073709551615", 10, UINT64_MAX},
		{"-1", 10, UINT64_MAX},
		{"-9223372036854775808", 10, 1ULL << 63},
		{"ffffffff81000000", 16, 0xffffffff81000000},
		{"FFFFFFFF81aBcDeF", 16, 0xffffffff81abcdef},
		{"00000000000000000000000f", 16, 15},
	};
	static const struct {
		const char *text;
		unsigned int base;
	} bad[] = {
		{"", 10},    {"", 16},
		{"-", 10},   {"18446744073709551616", 10},
		{"12a", 10}, {"10000000000000000", 16},
		{"-f", 16},  {"0x1", 16},
		{"f ", 16},  {"1-1", 10},
	};
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char *text = copy(good[i].text, strlen(good[i].text));

		assert_true(lb_number_read(text, (uint32_t)strlen(good[i].text), good[i].base, &number));
		assert_int_equal(number, good[i].number);
		free(text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		number = 42;
		assert_false(
			lb_number_read(bad[i].text, (uint32_t)strlen(bad[i].text), bad[i].base, &number));
		assert_int_equal(number, 42);
	}
}

// Compares with simple_strtoull() of base 0, and with memparse()'s letters.
static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
		const char *rest;
	} good[] = {
		{"0", 0, ""},
		{"64M", 64ULL << 20, ""},
		{"64m", 64ULL << 20, ""},
		{"1k1", 1024, "1"},
		{"3G@5", 3ULL << 30, "@5"},
		{"2T", 2ULL << 40, ""},
		{"2P", 2ULL << 50, ""},
		{"15E", 15ULL << 60, ""},
		{"1KK", 1024, "K"},
		{"0x10M", 16ULL << 20, ""},
		{"0X1fk", 31ULL << 10, ""},
		{"0x1E", 0x1e, ""}, // E is a digit here, not exabytes
		{"0x", 0, "x"}, // the value 0, and the text behind it
		{"0xg", 0, "xg"},
		{"010", 8, ""},
		{"08", 0, "8"},
		{"18446744073709551615", UINT64_MAX, ""},
		{"0xffffffffffffffff,", UINT64_MAX, ","},
		{"01777777777777777777777", UINT64_MAX, ""},
		{"18014398509481983K", UINT64_MAX - 1023, ""},
		{"0E", 0, ""},
		{"1,high", 1, ",high"},
		{"7B", 7, "B"},
	};
	static const struct {
		const char *text, *rest;
	} bad[] = {
		{"", ""},
		{"M", "M"},
		{"-1", "-1"},
		{" 1", " 1"},
		{"x1", "x1"},
		{"a", "a"},
		{"18446744073709551616", "6"},
		{"0x10000000000000000", "0"},
		{"02000000000000000000000", "0"},
		{"18014398509481984K", "K"},
		{"16E", "E"},
	};
	const char *end;
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char *text = copy(good[i].text, strlen(good[i].text) + 1);

		assert_int_equal(lb_size_read(text, &end, &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
		assert_string_equal(end, good[i].rest);
		free(text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bytes = 42;
		assert_int_equal(lb_size_read(bad[i].text, &end, &bytes), -1);
		assert_int_equal(bytes, 42);
		assert_string_equal(end, bad[i].rest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digits),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_a_byte_ends_at_its_nul),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
