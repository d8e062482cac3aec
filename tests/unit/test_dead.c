// SPDX-License-Identifier: BSD-2-Clause
// VMCOREINFO's text: numbers and words by key, whole keys only, nothing beyond its end.
#include <stdlib.h>
#include <string.h>

#include "crash/dead/dead.h"
#include "unit.h"

static char *memory;

// In exactly as many bytes as it takes, so that ASan sees the first one beyond.
static struct lb_dead open_text(const char *text)
{
	free(memory);
	memory = malloc(strlen(text) + 1);
	assert_non_null(memory);
	memcpy(memory, text, strlen(text));
	memory = realloc(memory, strlen(text) ? strlen(text) : 1);
	return (struct lb_dead){.vmcoreinfo = memory, .vmcoreinfo_bytes = (uint32_t)strlen(text)};
}

static void test_numbers(void **state)
{
	const struct lb_dead dead =
		open_text("OSRELEASE=6.1\nSYMBOL(prb)=ffffffffa88622c0\nNUMBER(A)=-129\n"
			  "NUMBER(AB)=7\nSIZE(page)=64\nBIG=18446744073709551615\n"
			  "BIGGER=18446744073709551616\nBAD=12x\nHEX=0x12\nEMPTY=\nMINUS=-\nLAST=5");
	uint64_t number = 1;

	(void)state;
	assert_true(lb_dead_number(&dead, "SYMBOL(prb)=", 16, &number));
	assert_int_equal(number, 0xffffffffa88622c0);
	assert_true(lb_dead_number(&dead, "NUMBER(A)=", 10, &number));
	assert_int_equal(number, -129);
	assert_true(lb_dead_number(&dead, "NUMBER(AB)=", 10, &number));
	assert_int_equal(number, 7);
	assert_true(lb_dead_number(&dead, "BIG=", 10, &number));
	assert_true(number == UINT64_MAX);
	assert_true(lb_dead_number(&dead, "LAST=", 10, &number));
	assert_int_equal(number, 5);
	assert_false(lb_dead_number(&dead, "BIGGER=", 10, &number));
	assert_false(lb_dead_number(&dead, "BAD=", 10, &number));
	assert_false(lb_dead_number(&dead, "HEX=", 16, &number));
	assert_false(lb_dead_number(&dead, "EMPTY=", 10, &number));
	assert_false(lb_dead_number(&dead, "MINUS=", 10, &number));
	assert_false(lb_dead_number(&dead, "NUMBER(A)=", 16, &number));
	assert_false(lb_dead_number(&dead, "MBER(A)=", 10, &number)); // not a line's beginning
	assert_false(lb_dead_number(&dead, "LAST=5=", 10, &number));
	assert_int_equal(number, 5);
}

static void test_no_text(void **state)
{
	const struct lb_dead none = open_text("");
	char text[8] = "before";

	(void)state;
	assert_int_equal(lb_dead_text(&none, "END=", text, sizeof(text)), 0);
	assert_string_equal(text, "before");
}

static void test_text_cut(void **state)
{
	const struct lb_dead dead = open_text("OSRELEASE=6.1.0-amd64\nEMPTY=\nEND=x");
	char text[8];

	(void)state;
	assert_int_equal(lb_dead_text(&dead, "OSRELEASE=", text, sizeof(text)), 7);
	assert_string_equal(text, "6.1.0-a");
	assert_int_equal(lb_dead_text(&dead, "END=", text, sizeof(text)), 1);
	assert_string_equal(text, "x");
	assert_int_equal(lb_dead_text(&dead, "EMPTY=", text, sizeof(text)), 0);
	assert_int_equal(lb_dead_text(&dead, "END=", text, 0), 0);
}

static void test_sets(void **state)
{
	struct {
		uint64_t a, b;
	} set;
	const struct lb_dead_key keys[] = {{"A=", 10, 0}, {"B=", 16, 8}, {"C=", 10, 0}};
	const struct lb_dead dead = open_text("B=ff\nA=3\n");

	(void)state;
	assert_null(lb_dead_numbers(&dead, keys, 2, &set));
	assert_int_equal(set.a, 3);
	assert_int_equal(set.b, 255);
	assert_string_equal(lb_dead_numbers(&dead, keys, 3, &set), "C=");
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

	return cmocka_run_group_tests_name("dead", tests, NULL, free_memory);
}
