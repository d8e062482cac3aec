// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "lib/utf16.h"
#include "unit.h"

static void test_both_ways(void **state)
{
	static const struct {
		const char *utf8;
		uint16_t utf16[8];
	} cases[] = {
		{"", {0}},
		{"a\\b", {'a', '\\', 'b'}},
		{"\x7f\xc2\x80", {0x7f, 0x80}},
		{"\xdf\xbf\xe0\xa0\x80", {0x7ff, 0x800}},
		{"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", {0xd7ff, 0xe000, 0xffff}},
		{"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", {0xd800, 0xdc00, 0xdbff, 0xdfff}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint16_t wide[8];
		char narrow[32];
		size_t units = 0;

		while (cases[i].utf16[units])
			units++;
		assert_int_equal(lb_utf8_to_utf16(cases[i].utf8, wide, 8), units);
		assert_memory_equal(wide, cases[i].utf16, (units + 1) * 2);
		assert_int_equal(lb_utf16_to_utf8(cases[i].utf16, 8, narrow, sizeof(narrow)),
				 strlen(cases[i].utf8));
		assert_string_equal(narrow, cases[i].utf8);
	}
}

static void test_invalid_utf8(void **state)
{
	static const struct {
		const char *utf8;
		uint16_t utf16[8];
	} cases[] = {
		{"\x80", {0xfffd}}, // a continuation byte alone
		{"\xc0\xaf", {0xfffd, 0xfffd}}, // overlong
		{"\xe0\x9f\xbf", {0xfffd, 0xfffd, 0xfffd}}, // overlong
		{"\xed\xa0\x80", {0xfffd, 0xfffd, 0xfffd}}, // a surrogate
		{"\xf4\x90\x80\x80", {0xfffd, 0xfffd, 0xfffd, 0xfffd}}, // above U+10FFFF
		{"\xff"
		 "a",
		 {0xfffd, 'a'}},
		{"\xe2\x82", {0xfffd, 0xfffd}}, // the text ends early
		{"\xe2"
		 "a",
		 {0xfffd, 'a'}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *exact = strdup(cases[i].utf8); // on the heap, so that ASan sees a read beyond
		uint16_t wide[8] = {0};
		size_t units = 0;

		while (cases[i].utf16[units])
			units++;
		assert_int_equal(lb_utf8_to_utf16(exact, wide, 8), units);
		assert_memory_equal(wide, cases[i].utf16, (units + 1) * 2);
		free(exact);
	}
}

static void test_lone_surrogates(void **state)
{
	static const uint16_t high[] = {0xd800}, low[] = {0xdc00, 'a'}, two[] = {0xd801, 0xd802, 0xdc00};
	char text[16];

	(void)state;
	assert_int_equal(lb_utf16_to_utf8(high, 1, text, sizeof(text)), 3);
	assert_string_equal(text, "\xef\xbf\xbd");
	lb_utf16_to_utf8(low, 2, text, sizeof(text));
	assert_string_equal(text, "\xef\xbf\xbd"
				  "a");
	lb_utf16_to_utf8(two, 3, text, sizeof(text));
	assert_string_equal(text, "\xef\xbf\xbd\xf0\x90\xa0\x80"); // U+10800
}

// A text that is too long is cut between characters. The full length is returned.
static void test_cut(void **state)
{
	static const uint16_t wide[] = {'a', 0x20ac, 'b', 0xd83d, 0xde80, 'c'};
	static const char narrow[] = "a\xe2\x82\xac"
				     "b\xf0\x9f\x9a\x80"
				     "c";
	static const size_t bytes_kept[] = {0, 0, 1, 1, 1, 4, 5, 5, 5, 5, 9, 10};
	static const size_t units_kept[] = {0, 0, 1, 2, 3, 3, 5, 6};

	(void)state;
	for (size_t room = 0; room < sizeof(bytes_kept) / sizeof(bytes_kept[0]); room++) {
		char *out = malloc(room ? room : 1);

		assert_int_equal(lb_utf16_to_utf8(wide, 6, out, room), 10);
		if (room > 0) {
			assert_int_equal(strlen(out), bytes_kept[room]);
			assert_memory_equal(out, narrow, bytes_kept[room]);
		}
		free(out);
	}
	for (size_t room = 1; room < sizeof(units_kept) / sizeof(units_kept[0]); room++) {
		uint16_t *out = malloc(room * 2);

		assert_int_equal(lb_utf8_to_utf16(narrow, out, room), 6);
		assert_memory_equal(out, wide, units_kept[room] * 2);
		assert_int_equal(out[units_kept[room]], 0);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_invalid_utf8),
		cmocka_unit_test(test_lone_surrogates),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
