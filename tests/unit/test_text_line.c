// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "lib/text_line.h"
#include "unit.h"

static void check(const char *text, size_t bytes, size_t room, const char *line, size_t used)
{
	char found[16];

	memset(found, 'x', sizeof(found));
	assert_int_equal(lb_text_line(text, bytes, found, room), used);
	assert_string_equal(found, line);
}

static void test_lines(void **state)
{
	(void)state;
	check("one\ntwo", 7, 16, "one", 4);
	check("two", 3, 16, "two", 3);
	check("\nnext", 5, 16, "", 1);
	check("", 0, 16, "", 0);
	check("two and more", 3, 16, "two", 3); // without a NUL at the end
}

// A line that is too long is cut. Its rest is skipped.
static void test_room(void **state)
{
	(void)state;
	check("longer than it\nnext", 19, 7, "longer", 15);
	check("long\n", 5, 1, "", 5);
}

static void test_terminal(void **state)
{
	(void)state;
	check("a\033[2Jb\r\x7f\x80\xc3\xa4~ \0z\n", 15, 16, "a?[2Jb?????~ ?z", 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
