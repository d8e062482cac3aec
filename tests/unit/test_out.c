// SPDX-License-Identifier: BSD-2-Clause
// The text of a report: whole lines only, limits of sections, the budget of time.
#include <stdlib.h>
#include <string.h>

#include "crash/report/out.h"
#include "report_form.h"
#include "unit.h"

#define ROOM 2048U

static char *text; // ROOM bytes exactly, so that ASan sees a write beyond
static struct lb_out out;

static int open_out(void **state)
{
	(void)state;
	text = malloc(ROOM);
	assert_non_null(text);
	lb_out_open(&out, text, ROOM);
	return 0;
}

static int close_out(void **state)
{
	(void)state;
	assert_null(report_form_fault(text, out.bytes));
	free(text);
	return 0;
}

static void writes_keys_and_sections(void **state)
{
	(void)state;
	lb_out_key(&out, "reason", "%s\n\x01\xff", "it");
	assert_true(lb_out_section(&out, "log", 1000, "%u lines", 1));
	assert_true(lb_out_line(&out, "a %s", "line"));
	lb_out_end(&out, 0, "lines");
	assert_string_equal(text, "reason: it???\n\nlog: 1 lines\n  a line\n");
	assert_int_equal(out.bytes, strlen(text));
}

static void says_when_a_section_is_cut(void **state)
{
	unsigned int lines = 0;

	(void)state;
	assert_true(lb_out_section(&out, "log", 400, "all"));
	while (lb_out_line(&out, "line %u", lines))
		lines++;
	assert_true(lines > 10);
	assert_false(lb_out_line(&out, "x")); // after a cut a shorter line is refused too
	lb_out_end(&out, 7, "lines");
	assert_non_null(strstr(text, "  cut: 9 more lines\n"));
	assert_true(out.bytes <= 400 + strlen("\nlog: all\n"));
	assert_true(lb_out_section(&out, "next", 400, "none"));
	assert_true(lb_out_line(&out, "x"));
	lb_out_end(&out, 0, "lines");
	assert_null(strstr(strstr(text, "next"), "cut"));
}

static void cuts_long_lines(void **state)
{
	char line[2 * LB_OUT_LINE_BYTES];

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	lb_out_key(&out, "key", "%s", line);
	assert_int_equal(out.bytes, LB_OUT_LINE_BYTES - 1);
	assert_string_equal(text + out.bytes - 5, "x...\n");
}

static void keeps_room_for_the_end(void **state)
{
	(void)state;
	while (lb_out_section(&out, "full", ROOM, "note"))
		while (lb_out_line(&out, "%s", "0123456789"))
			;
	assert_true(out.bytes < ROOM - LB_OUT_CUT_BYTES);
	assert_int_equal(lb_out_left(&out), 0);
}

static bool spend(void *ctx, const char *section, uint32_t bytes)
{
	unsigned int *left = ctx;

	assert_int_equal(bytes, out.bytes);
	assert_string_equal(section, *left ? "symbols" : "log");
	return (*left)-- > 0;
}

static void writes_nothing_when_the_budget_is_spent(void **state)
{
	unsigned int left = 1;

	(void)state;
	out.go_on = spend;
	out.ctx = &left;
	assert_true(lb_out_enter(&out, "symbols"));
	lb_out_key(&out, "a", "b");
	assert_false(lb_out_section(&out, "log", 100, "note"));
	assert_true(out.spent);
	assert_false(lb_out_enter(&out, "next")); // no part begins after the budget is spent
	assert_string_equal(out.section, "log");
	assert_false(lb_out_line(&out, "x"));
	lb_out_key(&out, "c", "d");
	lb_out_end(&out, 3, "lines");
	assert_string_equal(text, "a: b\n");
}

static void masks_what_it_writes(void **state)
{
	(void)state;
	out.mask = true;
	out.host = "db-07";
	lb_out_key(&out, "command-line", "password=hunter2 on db-07");
	assert_string_equal(text, "command-line: password=XXXX on XXXX\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_keys_and_sections, open_out, close_out),
		cmocka_unit_test_setup_teardown(says_when_a_section_is_cut, open_out, close_out),
		cmocka_unit_test_setup_teardown(cuts_long_lines, open_out, close_out),
		cmocka_unit_test_setup_teardown(keeps_room_for_the_end, open_out, close_out),
		cmocka_unit_test_setup_teardown(writes_nothing_when_the_budget_is_spent, open_out, close_out),
		cmocka_unit_test_setup_teardown(masks_what_it_writes, open_out, close_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
