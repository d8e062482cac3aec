// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/late_line.h"

#include "crash/plan/panic_words.h"
#include "linux_made.h"

#define OURS                                                                                                 \
	"panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime oops=panic "             \
	"unknown_nmi_panic"

static struct lb_late_lines lines;
static struct lb_found_linuxes found;

static int begin(void **state)
{
	memset(&lines, 'x', sizeof(lines));
	return made_begin(state);
}

static int make(void)
{
	found = (struct lb_found_linuxes){.count = 0};
	lb_find_linux(&made_system, &made_range, 1, &found);
	return lb_late_line_make(&found, lb_panic_words_of(LB_PROFILE_SERVER), &lines);
}

static void check_untouched(void)
{
	for (size_t i = 0; i < sizeof(lines.line); i++)
		assert_int_equal(lines.line[i], 'x');
}

static void test_one(void **state)
{
	struct boot_params *params = made_stub(5, made_text(9, "ro quiet -- single"));

	(void)state;
	assert_int_equal(make(), 0);
	assert_string_equal(lines.line, "ro quiet " OURS " -- single");
	assert_ptr_equal(lb_line_pointer(params), made_page(9)); // the pointer has not changed yet
	lb_late_line_give(&found, lines.line);
	assert_ptr_equal(lb_line_pointer(params), lines.line);
	assert_string_equal(made_page(9), "ro quiet -- single");
	lb_late_line_take_back(&found, lines.line, &made_range, 1);
	assert_ptr_equal(lb_line_pointer(params), made_page(9));
	assert_int_equal(found.count, 0);
}

static void test_nothing_to_be_made(void **state)
{
	static const char *const bad[] = {"noefi", "ro efi=noruntime", "reboot=force", "mem_encrypt=on",
					  "a=\"b"};

	(void)state;
	assert_int_equal(make(), -1); // there is no Linux
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		made_stub(5, made_text(9, bad[i]));
		assert_int_equal(make(), -1);
	}
	made_text(9, "ro");
	assert_int_equal(make(), 0);
	memset(lines.line, 'x', sizeof(lines.line));
	made_stub(6, NULL); // a second Linux without a command line
	assert_int_equal(make(), -1);
	check_untouched();
}

// The longest line is full to the byte, with the NUL that the kernel copies.
static void test_the_longest(void **state)
{
	const size_t longest = LB_LINE_BYTES - 1 - sizeof(OURS); // the 1 is a blank
	char *line = made_page(9);

	(void)state;
	made_stub(5, line);
	memset(line, 'a', longest + 1);
	line[longest + 1] = '\0';
	assert_int_equal(make(), -1);
	check_untouched();
	line[longest] = '\0';
	assert_int_equal(make(), 0);
	assert_int_equal(strlen(lines.line), LB_LINE_BYTES - 1);
	// A line that has the words already may have the full length.
	strcpy(line, lines.line);
	assert_int_equal(make(), 0);
	assert_string_equal(lines.line, line);
}

static void test_two(void **state)
{
	struct boot_params *first = made_stub(5, made_text(9, "ro  quiet"));
	struct boot_params *second = made_stub(6, made_text(10, "ro quiet"));

	(void)state;
	assert_int_equal(make(), 0);
	lb_late_line_give(&found, lines.line);
	assert_ptr_equal(lb_line_pointer(first), lines.line);
	assert_ptr_equal(lb_line_pointer(second), lines.line);
	lb_late_line_take_back(&found, lines.line, &made_range, 1);
	assert_ptr_equal(lb_line_pointer(first), made_page(9));
	assert_ptr_equal(lb_line_pointer(second), made_page(10));

	memset(lines.line, 'x', sizeof(lines.line));
	made_text(10, "rw quiet");
	assert_int_equal(make(), -1);
	check_untouched();
}

// GRUB's pointer names the place where the line will be. It is restored.
static void test_staged(void **state)
{
	struct boot_params *params = made_staged(5);

	(void)state;
	made_text(7, "BOOT_IMAGE=/vmlinuz ro");
	assert_int_equal(make(), 0);
	assert_string_equal(lines.line, "BOOT_IMAGE=/vmlinuz ro " OURS);
	lb_late_line_give(&found, lines.line);
	assert_ptr_equal(lb_line_pointer(params), lines.line);
	lb_late_line_take_back(&found, lines.line, &made_range, 1);
	assert_int_equal(lb_line_pointer(params), 0x91000);
}

// Memory that was freed, or now holds something else, is not written to.
static void test_taken_back_only_where_it_is(void **state)
{
	struct boot_params *params = made_stub(5, made_text(9, "ro"));
	struct lb_range less = {made_range.start, made_range.start + 5 * LB_PAGE};
	struct lb_found_linuxes both;

	(void)state;
	assert_int_equal(make(), 0);
	lb_late_line_give(&found, lines.line);
	both = found;
	lb_late_line_take_back(&both, lines.line, &less, 1);
	assert_ptr_equal(lb_line_pointer(params), lines.line);
	both = found;
	lb_late_line_take_back(&both, lines.line, &less, 0);
	assert_ptr_equal(lb_line_pointer(params), lines.line);
	params->hdr.cmd_line_ptr++;
	lb_late_line_take_back(&found, lines.line, &made_range, 1);
	assert_true(lb_line_pointer(params) == (uintptr_t)lines.line + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, made_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one),         TEST(test_nothing_to_be_made),
		TEST(test_the_longest), TEST(test_two),
		TEST(test_staged),      TEST(test_taken_back_only_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
