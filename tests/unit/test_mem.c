// SPDX-License-Identifier: BSD-2-Clause
// The freestanding memory functions, under names of their own, so that libc's can judge them.
#define memcpy lb_test_memcpy
#define memmove lb_test_memmove
#define memset lb_test_memset
#define memcmp lb_test_memcmp
#include "lib/mem.c"
#include "unit.h"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

#include <stdlib.h>
#include <string.h>

#define BYTES 300
#define LENGTH_MAX 70

static uint8_t ours[BYTES], theirs[BYTES];

static void fill_both(void)
{
	for (unsigned int i = 0; i < BYTES; i++)
		ours[i] = theirs[i] = (uint8_t)(i * 167 + 13);
}

static void test_memcpy(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes <= LENGTH_MAX; bytes++) {
		for (size_t offset = 0; offset < 16; offset++) {
			fill_both();
			assert_ptr_equal(lb_test_memcpy(ours + offset, ours + 200, bytes), ours + offset);
			memcpy(theirs + offset, theirs + 200, bytes);
			assert_memory_equal(ours, theirs, BYTES);
		}
	}
}

// The target lies before, at and behind the source, with every overlap.
static void test_memmove(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes <= LENGTH_MAX; bytes++) {
		for (size_t to = 100 - LENGTH_MAX - 1; to <= 100 + LENGTH_MAX + 1; to++) {
			fill_both();
			assert_ptr_equal(lb_test_memmove(ours + to, ours + 100, bytes), ours + to);
			memmove(theirs + to, theirs + 100, bytes);
			assert_memory_equal(ours, theirs, BYTES);
		}
	}
}

static void test_memset(void **state)
{
	const int values[] = {0, 1, 0x5a, 0xff, 0x1234, -1};

	(void)state;
	for (size_t bytes = 0; bytes <= LENGTH_MAX; bytes++) {
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			fill_both();
			assert_ptr_equal(lb_test_memset(ours + 9, values[v], bytes), ours + 9);
			memset(theirs + 9, values[v], bytes);
			assert_memory_equal(ours, theirs, BYTES);
		}
	}
}

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void test_memcmp(void **state)
{
	(void)state;
	fill_both();
	assert_int_equal(lb_test_memcmp(ours, theirs, 0), 0);
	assert_int_equal(lb_test_memcmp(ours, theirs, BYTES), 0);
	for (size_t at = 0; at < LENGTH_MAX; at++) {
		fill_both();
		ours[at] = (uint8_t)~ours[at];
		assert_int_equal(lb_test_memcmp(ours, theirs, at), 0);
		assert_int_equal(sign(lb_test_memcmp(ours, theirs, BYTES)),
				 sign(memcmp(ours, theirs, BYTES)));
		assert_int_equal(sign(lb_test_memcmp(theirs, ours, BYTES)),
				 sign(memcmp(theirs, ours, BYTES)));
	}
}

// Bytes are compared as unsigned. What follows the first difference does not count.
static void test_memcmp_is_unsigned(void **state)
{
	(void)state;
	assert_true(lb_test_memcmp("\x80", "\x7f", 1) > 0);
	assert_true(lb_test_memcmp("\x7f\xff", "\x80\x00", 2) < 0);
	assert_true(lb_test_memcmp("a\0b", "a\0c", 3) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memcpy),
		cmocka_unit_test(test_memmove),
		cmocka_unit_test(test_memset),
		cmocka_unit_test(test_memcmp),
		cmocka_unit_test(test_memcmp_is_unsigned),
	};

	return cmocka_run_group_tests_name("freestanding", tests, NULL, NULL);
}
