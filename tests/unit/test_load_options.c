// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "loader/options/load_options.h"
#include "unit.h"

static void test_split(void **state)
{
	static const struct {
		const char *text;
		const char *wanted[6];
	} cases[] = {
		{"", {NULL}},
		{" \t\r\n ", {NULL}},
		{"a", {"a"}},
		{"  a  b\tc\n", {"a", "b", "c"}},
		{"--capture-args \"x y\"  z", {"--capture-args", "x y", "z"}},
		{"a=\"b c\"d e", {"a=b cd", "e"}},
		{"\"\" a", {"", "a"}},
		{"a \"b c", {"a", "b c"}}, // the quote is not closed
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *words[8];
		uint32_t count = 99;
		char text[64];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		assert_int_equal(lb_load_options_split(text, words, 8, &count, NULL), 0);
		for (uint32_t j = 0; j < count; j++) {
			assert_non_null(cases[i].wanted[j]);
			assert_string_equal(words[j], cases[i].wanted[j]);
		}
		assert_null(cases[i].wanted[count]);
	}
}

static void test_split_too_many(void **state)
{
	struct lb_error err = {""};
	const char *words[2];
	uint32_t count = 99;
	char text[] = "a b";

	(void)state;
	assert_int_equal(lb_load_options_split(text, words, 2, &count, &err), 0);
	assert_int_equal(count, 2);
	memcpy(text, "a b", 4);
	assert_int_equal(lb_load_options_split(text, words, 1, &count, &err), -1);
	assert_non_null(strstr(err.text, "\"b\""));
	assert_int_equal(count, 2);
}

// Converts load options that begin at an aligned address.
static int convert(const uint16_t *units, size_t bytes, char *out, size_t room, struct lb_error *err)
{
	uint16_t aligned[64] = {0};

	memcpy(aligned, units, bytes);
	return lb_load_options_text(aligned, bytes, out, room, err);
}

static void test_text(void **state)
{
	static const uint16_t plain[] = {'a', ' ', '\\', 'b', 0};
	static const uint16_t one[] = {'k', 0};
	static const uint16_t behind[] = {'a', 'b', 0, 0x1234, 0xffff};
	static const uint16_t foreign[] = {'\\', 'k', 0xe4, '=', 0x20ac, 0};
	char out[32];

	(void)state;
	assert_int_equal(convert(plain, sizeof(plain), out, sizeof(out), NULL), 0);
	assert_string_equal(out, "a \\b");
	assert_int_equal(convert(plain, sizeof(plain) - 2, out, sizeof(out), NULL), 0); // without the NUL
	assert_string_equal(out, "a \\b");
	assert_int_equal(convert(one, sizeof(one), out, sizeof(out), NULL), 0);
	assert_string_equal(out, "k");
	assert_int_equal(convert(behind, sizeof(behind), out, sizeof(out), NULL), 0);
	assert_string_equal(out, "ab");
	assert_int_equal(convert(foreign, sizeof(foreign), out, sizeof(out), NULL), 0);
	assert_string_equal(out, "\\k\xc3\xa4=\xe2\x82\xac");
	assert_int_equal(convert(plain, 0, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "");
	assert_int_equal(convert((const uint16_t[]){0}, 2, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "");
}

// efibootmgr without -u writes single bytes.
static void test_ascii(void **state)
{
	static const char text[] = "--initrd a /vmlinuz root=b";
	uint16_t data[32] = {0};
	char out[32];

	(void)state;
	memcpy(data, text, sizeof(text));
	for (size_t bytes = sizeof(text) - 1; bytes < sizeof(text) + 4; bytes++) {
		assert_int_equal(lb_load_options_text(data, bytes, out, sizeof(out), NULL), 0);
		assert_string_equal(out, text);
	}
}

static void test_byte_order_mark(void **state)
{
	static const uint16_t marked[] = {0xfeff, '\\', 'k', ' ', 'r', 'o'};
	uint16_t narrow[8] = {0};
	char out[32];

	(void)state;
	assert_int_equal(convert(marked, sizeof(marked), out, sizeof(out), NULL), 0);
	assert_string_equal(out, "\\k ro");
	memcpy(narrow, "\xef\xbb\xbf\\k ro", 8);
	assert_int_equal(lb_load_options_text(narrow, 8, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "\\k ro");
}

static void test_8_bit(void **state)
{
	static const char utf8[] = "\\vmlinuz root=LABEL=J\xc3\xa9 ro";
	static const char latin1[] = "\\vmlinuz root=LABEL=J\xe9 ro";
	uint16_t data[32] = {0};
	struct lb_error err;
	char out[64];

	(void)state;
	memcpy(data, utf8, sizeof(utf8));
	assert_int_equal(lb_load_options_text(data, sizeof(utf8) - 1, out, sizeof(out), NULL), 0);
	assert_string_equal(out, utf8);
	// Cut within a character of two bytes, the text is no UTF-8.
	assert_int_equal(lb_load_options_text(data, 22, out, sizeof(out), &err), -1);
	assert_string_equal(err.text,
			    "load options: not text, 8-bit with 0xc3 at byte 21, wanted UTF-8 or UTF-16");
	for (size_t bytes = sizeof(latin1) - 1; bytes < sizeof(latin1) + 1; bytes++) {
		memset(data, 0, sizeof(data));
		memcpy(data, latin1, sizeof(latin1));
		assert_int_equal(lb_load_options_text(data, bytes, out, sizeof(out), &err), -1);
		assert_string_equal(
			err.text,
			"load options: not text, 8-bit with 0xe9 at byte 21, wanted UTF-8 or UTF-16");
	}
}

// Makes an EFI_LOAD_OPTION with the description "Dell", a path of one node of 5 bytes and an end node, and
// `words`.
static size_t make_whole(uint8_t *data, const uint16_t *words, size_t words_bytes)
{
	static const uint8_t paths[] = {4, 4, 9, 0, 'a', 'b', 'c', 0, 0, 0x7f, 0xff, 4, 0};
	static const uint8_t head[] = {1, 0, 0, 0, sizeof(paths), 0, 'D', 0, 'e', 0, 'l', 0, 'l', 0, 0, 0};

	memcpy(data, head, sizeof(head));
	memcpy(data + sizeof(head), paths, sizeof(paths));
	memcpy(data + sizeof(head) + sizeof(paths), words, words_bytes);
	return sizeof(head) + sizeof(paths) + words_bytes;
}

static void test_whole_load_option(void **state)
{
	static const uint16_t words[] = {'\\', 'k', ' ', 'r', 'o', 0};
	uint16_t data[32] = {0};
	struct lb_error err;
	char out[32];
	size_t bytes = make_whole((uint8_t *)data, words, sizeof(words));

	(void)state;
	assert_int_equal(bytes % 2, 1); // so the words are not aligned
	assert_int_equal(lb_load_options_text(data, bytes, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "\\k ro");
	bytes = make_whole((uint8_t *)data, words, 0); // without words
	assert_int_equal(lb_load_options_text(data, bytes, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "");
	// A structure that is cut off or damaged is refused.
	for (size_t cut = 1; cut < bytes; cut++) {
		make_whole((uint8_t *)data, words, 0);
		assert_int_equal(lb_load_options_text(data, bytes - cut, out, sizeof(out), &err), -1);
	}
	for (size_t i = 0; i < 4; i++) {
		static const uint8_t at[] = {2, 4, 18,
					     26}; // attributes, two lengths, subtype of the last node

		make_whole((uint8_t *)data, words, 0);
		((uint8_t *)data)[at[i]] ^= 0x20;
		assert_int_equal(lb_load_options_text(data, bytes, out, sizeof(out), &err), -1);
		assert_non_null(strstr(err.text, "not text"));
	}
}

static void test_garbage(void **state)
{
	// The GUID that edk2 puts behind boot options that it makes.
	static const uint8_t guid[] = {0x4e, 0xac, 0x08, 0x81, 0x11, 0x9f, 0x59, 0x4d,
				       0x85, 0x0e, 0xe2, 0x1a, 0x52, 0x2c, 0x59, 0xb2};
	static const struct {
		const char *bytes;
		size_t count;
		const char *wanted;
	} cases[] = {
		{"BO", 2, "ASCII"},
		{"\x01\x00\x02\x00", 4, "control character 0x1 at byte 0"},
		{"a\0\x7\0", 4, "control character 0x7 at byte 2"},
		{"a\0b\0c", 5, "odd number of bytes (5)"},
		{"text\0\x80", 6, "ASCII"},
		{"\xff", 1, "odd"},
	};
	struct lb_error err;
	char out[64];
	uint16_t data[8];

	(void)state;
	memcpy(data, guid, sizeof(guid));
	assert_int_equal(lb_load_options_text(data, sizeof(guid), out, sizeof(out), &err), -1);
	assert_non_null(strstr(err.text, "load options: not text"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(data, 0, sizeof(data));
		memcpy(data, cases[i].bytes, cases[i].count);
		assert_int_equal(lb_load_options_text(data, cases[i].count, out, sizeof(out), &err), -1);
		assert_non_null(strstr(err.text, "not text"));
		assert_non_null(strstr(err.text, cases[i].wanted));
	}
}

static void test_room(void **state)
{
	uint16_t wide[] = {'a', 'b', 'c', 'd', 'e', 0};
	uint16_t narrow[4] = {0};
	struct lb_error err;
	char out[6];

	(void)state;
	assert_int_equal(lb_load_options_text(wide, sizeof(wide), out, 6, NULL), 0);
	assert_int_equal(lb_load_options_text(wide, sizeof(wide), out, 5, &err), -1);
	assert_string_equal(err.text, "load options: 5 bytes of text, 4 are possible");
	memcpy(narrow, "abcde", 5);
	assert_int_equal(lb_load_options_text(narrow, 5, out, 6, NULL), 0);
	assert_string_equal(out, "abcde");
	assert_int_equal(lb_load_options_text(narrow, 5, out, 5, &err), -1);
	assert_string_equal(err.text, "load options: 5 bytes of text, 4 are possible");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_too_many),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_byte_order_mark),
		cmocka_unit_test(test_8_bit),
		cmocka_unit_test(test_whole_load_option),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
