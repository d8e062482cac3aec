// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/plan/cmdline.h"
#include "unit.h"

static void test_words(void **state)
{
	static const char text[] = " a  b=c\td=\"e f\"g \"h i=j\" --x\n-- k";
	static const char *const wanted[] = {"a", "b=c", "d=\"e f\"g", "\"h i=j\"", "--x"};
	struct lb_word word;
	size_t pos = 0;

	(void)state;
	for (unsigned int i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_true(lb_cmdline_next(text, &pos, &word));
		assert_int_equal(word.bytes, strlen(wanted[i]));
		assert_memory_equal(word.text, wanted[i], word.bytes);
	}
	assert_false(lb_cmdline_next(text, &pos, &word));
	assert_string_equal(text + pos, "-- k");
	assert_false(lb_cmdline_next(text, &pos, &word));

	pos = 0;
	assert_false(lb_cmdline_next(" \t ", &pos, &word));
	assert_int_equal(pos, 3);
	pos = 0;
	assert_true(lb_cmdline_next("a\"b c", &pos, &word));
	assert_int_equal(word.bytes, 5);
	pos = 0;
	// The kernel removes these quotes before it looks for "--".
	assert_false(lb_cmdline_next("\"--\" a", &pos, &word));
}

static void test_nosoftreserve(void **state)
{
	(void)state;
	assert_true(lb_cmdline_nosoftreserve("efi=nosoftreserve"));
	assert_true(lb_cmdline_nosoftreserve("a efi=debug,nosoftreserve efi"));
	assert_true(lb_cmdline_nosoftreserve("efi=runtime \"efi=nosoftreserve\""));
	// Each efi= with a value replaces the ones before it.
	assert_false(lb_cmdline_nosoftreserve("a efi=debug,nosoftreserve efi=runtime"));
	assert_false(lb_cmdline_nosoftreserve("efi=nosoftreserve efi="));
	assert_true(lb_cmdline_nosoftreserve("efi=nosoftreserve efi=runtime efi=nosoftreserve"));
	assert_false(lb_cmdline_nosoftreserve(""));
	assert_false(lb_cmdline_nosoftreserve("efi=nosoftreserved xefi=nosoftreserve nosoftreserve"));
	assert_false(lb_cmdline_nosoftreserve("efi=debug -- efi=nosoftreserve"));
}

static void test_last(void **state)
{
	static const struct {
		const char *text, *key, *wanted;
	} cases[] = {
		{"a=1 b=2 a=3", "a", "3"}, {"a=1 a", "a", ""},          {"a=1", "b", NULL},
		{"aa=1 xa=2", "a", NULL},  {"a=\"x y\" b", "a", "x y"}, {"\"a=x y\" b", "a", "x y"},
		{"b -- a=1", "a", NULL},   {"a==", "a", "="},           {"=a", "", NULL},
		{"", "a", NULL},           {"a=\"", "a", ""},           {"a=1=2", "a", "1=2"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lb_word value = {NULL, 0};
		bool found = lb_cmdline_last(cases[i].text, cases[i].key, &value);

		if (found != (cases[i].wanted != NULL))
			fail_msg("%s: found or missed wrongly in \"%s\"", cases[i].key, cases[i].text);
		if (!found)
			continue;
		assert_int_equal(value.bytes, strlen(cases[i].wanted));
		assert_memory_equal(value.text, cases[i].wanted, value.bytes);
	}
}

static void test_next_value(void **state)
{
	static const char text[] = "k=1 kk=2 k \"k=3 4\" k=\"5\" -- k=6";
	static const char *const wanted[] = {"1", "", "3 4", "5"};
	struct lb_word value = {NULL, 0};
	size_t pos = 0;

	(void)state;
	for (unsigned int i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_true(lb_cmdline_next_value(text, "k", &pos, &value));
		assert_int_equal(value.bytes, strlen(wanted[i]));
		assert_memory_equal(value.text, wanted[i], value.bytes);
	}
	assert_false(lb_cmdline_next_value(text, "k", &pos, &value));
	assert_int_equal(value.bytes, 1); // value is unchanged when nothing is found
}

static void test_is_initrd_file(void **state)
{
	static const struct {
		const char *value;
		bool wanted;
	} cases[] = {
		{"initrd.img", true},
		{"\\boot\\initrd.img", true},
		{"0x1000000,0x200000", false},
		{"16M,2M", false},
		{"12345,678", false},
		{"0x1000000", true},
		{"1.img,2.img", true},
		{"1,img", true},
		{"", true},
		{"1,", true},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lb_word value = {cases[i].value, strlen(cases[i].value)};

		if (lb_cmdline_is_initrd_file(value) != cases[i].wanted)
			fail_msg("%s", cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),          cmocka_unit_test(test_nosoftreserve),
		cmocka_unit_test(test_last),           cmocka_unit_test(test_next_value),
		cmocka_unit_test(test_is_initrd_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
