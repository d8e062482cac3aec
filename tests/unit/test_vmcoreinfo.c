// SPDX-License-Identifier: BSD-2-Clause
// VMCOREINFO's text: numbers and words by whole keys, and nothing beyond its end.
#include <stdlib.h>
#include <string.h>

#include "crash/dead/vmcoreinfo.h"
#include "unit.h"

static char *memory;

// The text is in memory of exactly its size, so that ASan sees a read beyond it.
static struct lb_vmcoreinfo open_text(const char *text)
{
	free(memory);
	memory = malloc(strlen(text) + 1);
	assert_non_null(memory);
	memcpy(memory, text, strlen(text));
	memory = realloc(memory, strlen(text) ? strlen(text) : 1);
	return (struct lb_vmcoreinfo){.text = memory, .bytes = (uint32_t)strlen(text)};
}

static void test_numbers(void **state)
{
	const struct lb_vmcoreinfo info =
		open_text("OSRELEASE=6.1\nSYMBOL(prb)=ffffffffa88622c0\nNUMBER(A)=-129\n"
			  "NUMBER(AB)=7\nSIZE(page)=64\nBIG=18446744073709551615\n"
			  "BIGGER=18446744073709551616\nBAD=12x\nHEX=0x12\nEMPTY=\nMINUS=-\nLAST=5");
	uint64_t number = 1;

	(void)state;
	assert_true(lb_vmcoreinfo_number(&info, "SYMBOL(prb)=", 16, &number));
	assert_int_equal(number, 0xffffffffa88622c0);
	assert_true(lb_vmcoreinfo_number(&info, "NUMBER(A)=", 10, &number));
	assert_int_equal(number, -129);
	assert_true(lb_vmcoreinfo_number(&info, "NUMBER(AB)=", 10, &number));
	assert_int_equal(number, 7);
	assert_true(lb_vmcoreinfo_number(&info, "BIG=", 10, &number));
	assert_true(number == UINT64_MAX);
	assert_true(lb_vmcoreinfo_number(&info, "LAST=", 10, &number));
	assert_int_equal(number, 5);
	assert_false(lb_vmcoreinfo_number(&info, "BIGGER=", 10, &number));
	assert_false(lb_vmcoreinfo_number(&info, "BAD=", 10, &number));
	assert_false(lb_vmcoreinfo_number(&info, "HEX=", 16, &number));
	assert_false(lb_vmcoreinfo_number(&info, "EMPTY=", 10, &number));
	assert_false(lb_vmcoreinfo_number(&info, "MINUS=", 10, &number));
	assert_false(lb_vmcoreinfo_number(&info, "NUMBER(A)=", 16, &number));
	assert_false(lb_vmcoreinfo_number(&info, "MBER(A)=", 10, &number)); // not at a line's beginning
	assert_false(lb_vmcoreinfo_number(&info, "LAST=5=", 10, &number));
	assert_int_equal(number, 5);
}

static void test_no_text(void **state)
{
	const struct lb_vmcoreinfo none = open_text("");
	char text[8] = "before";

	(void)state;
	assert_int_equal(lb_vmcoreinfo_text(&none, "END=", text, sizeof(text)), 0);
	assert_string_equal(text, "before");
}

static void test_text_cut(void **state)
{
	const struct lb_vmcoreinfo info = open_text("OSRELEASE=6.1.0-amd64\nEMPTY=\nEND=x");
	char text[8];

	(void)state;
	assert_int_equal(lb_vmcoreinfo_text(&info, "OSRELEASE=", text, sizeof(text)), 7);
	assert_string_equal(text, "6.1.0-a");
	assert_int_equal(lb_vmcoreinfo_text(&info, "END=", text, sizeof(text)), 1);
	assert_string_equal(text, "x");
	assert_int_equal(lb_vmcoreinfo_text(&info, "EMPTY=", text, sizeof(text)), 0);
	assert_int_equal(lb_vmcoreinfo_text(&info, "END=", text, 0), 0);
}

static void test_sets(void **state)
{
	struct {
		uint64_t a, b;
	} set;
	const struct lb_vmcoreinfo_key keys[] = {{"A=", 10, 0}, {"B=", 16, 8}, {"C=", 10, 0}};
	const struct lb_vmcoreinfo info = open_text("B=ff\nA=3\n");

	(void)state;
	assert_null(lb_vmcoreinfo_numbers(&info, keys, 2, &set));
	assert_int_equal(set.a, 3);
	assert_int_equal(set.b, 255);
	assert_string_equal(lb_vmcoreinfo_numbers(&info, keys, 3, &set), "C=");
}

static int free_memory(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_no_text),
		cmocka_unit_test(test_text_cut),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests_name("info", tests, NULL, free_memory);
}
