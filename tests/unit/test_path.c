// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "loader/options/path.h"
#include "unit.h"

static void test_resolve(void **state)
{
	static const struct {
		const char *base, *path, *wanted;
	} cases[] = {
		{"", "vmlinuz", "\\vmlinuz"},
		{"\\", "vmlinuz", "\\vmlinuz"},
		{"\\EFI\\BOOT", "vmlinuz", "\\EFI\\BOOT\\vmlinuz"},
		{"\\EFI\\BOOT", "/a/b", "\\a\\b"},
		{"\\EFI\\BOOT", "a/b", "\\EFI\\BOOT\\a\\b"},
		{"\\EFI", "\\\\a//b", "\\a\\b"},
		{"FS0:\\dir", "k", "FS0:\\dir\\k"},
		{"FS0:\\", "k", "FS0:\\k"},
		{"FS0:\\dir", "\\k", "FS0:\\k"},
		{"FS0:\\dir", "fs1:k", "fs1:k"},
		{"\\EFI", "fs1:/k", "fs1:\\k"},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(lb_path_resolve(cases[i].base, cases[i].path, out, sizeof(out), NULL), 0);
		assert_string_equal(out, cases[i].wanted);
	}
}

static void test_resolve_room(void **state)
{
	struct lb_error err = {""};
	char out[8] = "before";

	(void)state;
	assert_int_equal(lb_path_resolve("\\ab", "cde", out, 7, &err), -1);
	assert_string_equal(out, "before");
	assert_non_null(strstr(err.text, "cde"));
	assert_non_null(strstr(err.text, "7 bytes, 6 are possible"));
	assert_int_equal(lb_path_resolve("\\ab", "cd", out, 7, NULL), 0);
	assert_string_equal(out, "\\ab\\cd");
}

static void test_names(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(lb_path_name("\\EFI\\x.efi"), "x.efi");
	assert_string_equal(lb_path_name("a/b"), "b");
	assert_string_equal(lb_path_name("fs0:b"), "b");
	assert_string_equal(lb_path_name("b"), "b");
	assert_string_equal(lb_path_behind_volume("fs0:\\b"), "\\b");
	assert_null(lb_path_behind_volume("\\b"));
	lb_path_directory("\\EFI\\BOOT\\x.efi", out);
	assert_string_equal(out, "\\EFI\\BOOT");
	lb_path_directory("\\x.efi", out);
	assert_string_equal(out, "\\");
	lb_path_directory("", out);
	assert_string_equal(out, "\\");
	lb_path_directory("fs0:x", out);
	assert_string_equal(out, "fs0:\\");
}

static void test_is_program(void **state)
{
	(void)state;
	assert_true(lb_path_is_program("lifeboat.efi", "lifeboat.efi"));
	assert_true(lb_path_is_program("fs0:\\EFI\\LIFEBOAT.EFI", "lifeboat.efi"));
	assert_true(lb_path_is_program("lifeboat", "LIFEBOAT.EFI"));
	assert_false(lb_path_is_program("lifeboa", "lifeboat.efi"));
	assert_false(lb_path_is_program("lifeboat.ef", "lifeboat.efi"));
	assert_false(lb_path_is_program("lifeboat.efi2", "lifeboat.efi"));
	assert_false(lb_path_is_program("\\vmlinuz", "lifeboat.efi"));
	assert_false(lb_path_is_program("", "lifeboat.efi"));
	assert_false(lb_path_is_program("dir\\", ".efi"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_resolve_room),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_is_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
