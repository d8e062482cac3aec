// SPDX-License-Identifier: BSD-2-Clause
// Compares the small snprintf() with libc's, and tests the functions that libc does not have.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format.h"
#include "lifeboat/range.h"
#include "unit.h"

// lb_snprintf() gives the same text and length as libc's snprintf(), in a buffer that is large enough, and in
// every smaller one.
#define SAME(...)                                                                                            \
	do {                                                                                                 \
		char wanted[200], got[200];                                                                  \
		const size_t length = (size_t)snprintf(wanted, sizeof(wanted), __VA_ARGS__);                 \
                                                                                                             \
		assert_int_equal(lb_snprintf(got, sizeof(got), __VA_ARGS__), length);                        \
		assert_string_equal(got, wanted);                                                            \
		for (size_t room = 0; room <= length; room++) {                                              \
			memset(got, '#', sizeof(got));                                                       \
			assert_int_equal(lb_snprintf(got, room, __VA_ARGS__), length);                       \
			if (room) {                                                                          \
				assert_memory_equal(got, wanted, room - 1);                                  \
				assert_int_equal(got[room - 1], '\0');                                       \
			}                                                                                    \
			assert_int_equal(got[room], '#');                                                    \
		}                                                                                            \
	} while (0)

static void test_plain_text(void **state)
{
	const char *empty = "";

	(void)state;
	SAME("%s", empty);
	SAME("plain text");
	SAME("100%% of %d", 7);
}

static void test_strings(void **state)
{
	const char unterminated[4] = {'a', 'b', 'c', 'd'};

	(void)state;
	SAME("%s", "kernel");
	SAME("[%10s] [%-10s] [%2s]", "kernel", "initrd", "longer");
	SAME("%.*s|%.*s|%.*s", 3, "kernel", 0, "kernel", 99, "kernel");
	SAME("%.4s", unterminated);
	SAME("%.*s", 4, unterminated);
	SAME("[%8.3s] [%-8.3s] [%*s] [%-*s]", "kernel", "kernel", 9, "right", 9, "left");
	SAME("%c%c [%3c] [%-3c]", 'o', 'k', 'r', 'l');
}

static void test_no_string(void **state)
{
	const char *volatile nothing = NULL;
	char text[20];

	(void)state;
	assert_int_equal(lb_snprintf(text, sizeof(text), "<%s>", nothing), 8);
	assert_string_equal(text, "<(null)>");
}

static void test_decimal(void **state)
{
	(void)state;
	SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	SAME("%u %u", 0U, UINT_MAX);
	SAME("%ld %ld %ld", 0L, LONG_MAX, LONG_MIN);
	SAME("%lld %lld", LLONG_MAX, LLONG_MIN);
	SAME("%lu %llu %zu", ULONG_MAX, ULLONG_MAX, SIZE_MAX);
	SAME("%zd", (ssize_t)-3);
	SAME("[%6d] [%-6d] [%06d] [%2d]", -42, -42, -42, -4242);
	SAME("[%6u] [%-6u] [%06u] [%1u]", 42U, 42U, 42U, 4242U);
	SAME("[%*d] [%-*u] [%0*u]", 7, 5, 7, 6U, 7, 8U);
	SAME("[%020ld] [%25ld] [%-25ld]", LONG_MIN, LONG_MIN, LONG_MIN);
}

static void test_hexadecimal(void **state)
{
	(void)state;
	SAME("%x %x 0x%08x", 0U, UINT_MAX, 0xbeefU);
	SAME("%lx %llx %zx", ULONG_MAX, 0x123456789abcdef0ULL, (size_t)0xfee00000);
	SAME("0x%016lx [%18lx] [%-18lx]", 0x60000000UL, 0x60000000UL, 0x60000000UL);
}

static void test_long_arguments_keep_their_place(void **state)
{
	(void)state;
	SAME("%s %lx-%lx %u %s %d%c %zu %s", "region", 1UL << 40, (1UL << 40) + 5, 3U, "of", -4, '!',
	     (size_t)9, "end");
}

// An unknown conversion is printed as it is, also at the format's end.
static void test_unknown_conversion(void **state)
{
	const char *volatile strange = "a%jb%5";
	char text[20];

	(void)state;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	assert_int_equal(lb_snprintf(text, sizeof(text), strange), 6);
#pragma GCC diagnostic pop
	assert_string_equal(text, "a%jb%5");
}

static void assert_size(uint64_t value, const char *wanted)
{
	char text[16];

	assert_ptr_equal(lb_format_size(text, sizeof(text), value), text);
	assert_string_equal(text, wanted);
}

static void test_size(void **state)
{
	(void)state;
	assert_size(0, "0 B");
	assert_size(512, "512 B");
	assert_size(1023, "1023 B");
	assert_size(1024, "1 KiB");
	assert_size(1025, "1.0 KiB");
	assert_size(1536, "1.5 KiB");
	assert_size(4096, "4 KiB");
	assert_size(20480, "20 KiB");
	assert_size(LB_MIB - 1, "1023.9 KiB");
	assert_size(LB_MIB, "1 MiB");
	assert_size(192 * LB_MIB, "192 MiB");
	assert_size(1536 * LB_MIB, "1.5 GiB");
	assert_size(LB_4GIB - 1, "3.9 GiB");
	assert_size(LB_4GIB, "4 GiB");
	assert_size(24 * LB_TIB, "24 TiB");
	assert_size(1ULL << 50, "1 PiB");
	assert_size(1ULL << 63, "8 EiB");
	assert_size(UINT64_MAX, "15.9 EiB");
}

static void assert_nearest(uint64_t value, const char *wanted)
{
	char text[16];

	assert_ptr_equal(lb_format_size_nearest(text, sizeof(text), value), text);
	assert_string_equal(text, wanted);
}

static void test_size_nearest(void **state)
{
	(void)state;
	assert_nearest(4096, "4 KiB");
	assert_nearest(1025, "1.0 KiB");
	assert_nearest(1024 + 51, "1.0 KiB");
	assert_nearest(1024 + 52, "1.1 KiB");
	assert_nearest(LB_MIB - 1, "1.0 MiB");
	assert_nearest(LB_4GIB - 1, "4.0 GiB");
	assert_nearest(1536 * LB_MIB, "1.5 GiB");
	assert_nearest(UINT64_MAX, "16.0 EiB");
	assert_nearest((1ULL << 60) + (1ULL << 59), "1.5 EiB");
}

// Sizes have one decimal and are rounded down. The test counts the tenths.
static void test_size_rounds_down(void **state)
{
	char wanted[16];

	(void)state;
	for (uint64_t bytes = 1025; bytes < 2048; bytes++) {
		snprintf(wanted, sizeof(wanted), "1.%u KiB", (unsigned int)((bytes - 1024) * 10 / 1024));
		assert_size(bytes, wanted);
	}
}

static void test_size_in_a_small_buffer(void **state)
{
	char text[4];

	(void)state;
	assert_string_equal(lb_format_size(text, sizeof(text), 192 * LB_MIB), "192");
}

static void test_fail(void **state)
{
	struct lb_error err;
	char longer[400];

	(void)state;
	assert_int_equal(lb_fail(&err, "%s: magic is 0x%x, want 0x%x", "vmlinuz", 1U, 2U), -1);
	assert_string_equal(err.text, "vmlinuz: magic is 0x1, want 0x2");
	assert_int_equal(lb_fail(NULL, "%s", "nobody listens"), -1);

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(lb_fail(&err, "%s", longer), -1);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void test_string_helpers(void **state)
{
	static const char *const texts[] = {"",  "a",        "ab",           "abc",  "abd",
					    "b", "\xc3\xa4", "crashkernel=", "crash"};
	const size_t count = sizeof(texts) / sizeof(texts[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(lb_strlen(texts[i]), strlen(texts[i]));
		for (int c = 0; c < 256; c++)
			assert_ptr_equal(lb_strchr(texts[i], (char)c), strchr(texts[i], c));
		for (size_t j = 0; j < count; j++) {
			assert_int_equal(sign(lb_strcmp(texts[i], texts[j])),
					 sign(strcmp(texts[i], texts[j])));
			for (size_t bytes = 0; bytes < 14; bytes++)
				assert_int_equal(sign(lb_strncmp(texts[i], texts[j], bytes)),
						 sign(strncmp(texts[i], texts[j], bytes)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_text),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_no_string),
		cmocka_unit_test(test_decimal),
		cmocka_unit_test(test_hexadecimal),
		cmocka_unit_test(test_long_arguments_keep_their_place),
		cmocka_unit_test(test_unknown_conversion),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_size_rounds_down),
		cmocka_unit_test(test_size_nearest),
		cmocka_unit_test(test_size_in_a_small_buffer),
		cmocka_unit_test(test_fail),
		cmocka_unit_test(test_string_helpers),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
