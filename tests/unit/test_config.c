// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/options/config.h"
#include "unit.h"

#define NAME "\\EFI\\BOOT\\lifeboat.conf"

static struct lb_options options;
static struct lb_error err;

// Parses a copy on the heap of exactly this size, so that ASan sees a read beyond its end.
static int parse_bytes(const char *text, size_t bytes)
{
	char *copy = malloc(bytes ? bytes : 1);
	int result;

	memcpy(copy, text, bytes);
	memset(&err, 0, sizeof(err));
	lb_options_init(&options);
	lb_options_source(&options, "\\EFI\\BOOT");
	result = lb_config_parse(NAME, copy, bytes, &options, &err);
	free(copy);
	return result;
}

static int parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void test_everything(void **state)
{
	(void)state;
	assert_int_equal(parse("# a comment\n"
			       "\n"
			       "  # another\n"
			       "arguments root=/dev/vda1  ro  # the kernel's\n"
			       "kernel    /vmlinuz#1\n"
			       "initrd\tmicrocode.img\n"
			       "initrd initrd.img\n"
			       "capture my kernel\t#2\n"
			       "capture-initrd \"the initrd\"\n"
			       "capture-args \"a b\"\n"
			       "crashkernel 64M\n"
			       "console mmio:0xfe000000\n"
			       "on-fault halt\n"
			       "require\n"
			       "quiet  # no more\n"
			       "dry-run\n"
			       "profile desktop\n"
			       "with unknown_nmi_panic\n"
			       "arguments dyndbg=\"file x # +p\" -- quiet"),
			 0);
	assert_string_equal(err.text, "");
	assert_string_equal(options.kernel, "\\vmlinuz#1");
	assert_string_equal(options.cmdline, "root=/dev/vda1  ro dyndbg=\"file x # +p\" -- quiet");
	assert_int_equal(options.initrd_count, 2);
	assert_string_equal(options.initrd[0], "\\EFI\\BOOT\\microcode.img");
	assert_string_equal(options.initrd[1], "\\EFI\\BOOT\\initrd.img");
	assert_string_equal(options.capture, "\\EFI\\BOOT\\my kernel");
	assert_string_equal(options.capture_initrd, "\\EFI\\BOOT\\the initrd");
	assert_string_equal(options.capture_args, "a b");
	assert_string_equal(options.crashkernel, "64M");
	assert_int_equal(options.console.type, LB_CONSOLE_MMIO);
	assert_int_equal(options.on_mismatch, LB_POLICY_HALT);
	assert_int_equal(options.verbosity, LB_QUIET);
	assert_true(options.require && options.dry_run);
	assert_int_equal(options.profile, LB_PROFILE_DESKTOP);
	assert_int_equal(options.words_with, LB_WORD_BIT(LB_WORD_UNKNOWN_NMI));
}

static void test_line_ends(void **state)
{
	(void)state;
	assert_int_equal(parse("\xef\xbb\xbfkernel k\r\nquiet\r\n\r\narguments a\r\narguments b"), 0);
	assert_string_equal(options.kernel, "\\EFI\\BOOT\\k");
	assert_string_equal(options.cmdline, "a b");
	assert_int_equal(options.verbosity, LB_QUIET);
	assert_int_equal(parse(""), 0);
	assert_string_equal(options.kernel, "");
	assert_int_equal(parse("\n\n"), 0);
}

static void test_quotes(void **state)
{
	(void)state;
	assert_int_equal(parse("capture-args \"a=b c\" \"d\"\narguments \"e f\""), 0);
	assert_string_equal(options.capture_args, "\"a=b c\" \"d\""); // two pairs of quotes stay as they are
	assert_string_equal(options.cmdline, "\"e f\"");
	assert_int_equal(parse("capture \"\""), -1);
	assert_string_equal(err.text, NAME ":1: capture: nothing was given, wanted FILE or builtin");
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"kernle k\nkernel k", NAME ":1: kernle: unknown option; did you mean \"kernel\"?"},
		{"linux /v\nkernel k", NAME ":1: linux: unknown option; did you mean \"kernel\"?"},
		{"kernel k\noptions a b", NAME ":2: options: unknown option; did you mean \"arguments\"?"},
		{"kernel k\ndumpto a", NAME ":2: dumpto: unknown option; did you mean \"dump-to\"?"},
		{"kernel k\n\n# c\nfoo", NAME ":4: foo: unknown option"},
		{"kernel k\r\nkernel=x", NAME ":2: kernel=x: unknown option; did you mean \"kernel x\"?"},
		{"kernel k\nprofil=a", NAME ":2: profil=a: unknown option; did you mean \"profile a\"?"},
		{"kernel k\ninitrd # i", NAME ":2: initrd: nothing was given, wanted FILE"},
		{"kernel k\nrequire yes", NAME ":2: require: takes no value, \"yes\" was given"},
		{"kernel k\ninitrd", NAME ":2: initrd: nothing was given, wanted FILE"},
		{"kernel k\nhelp", NAME ":2: help: only for the command line"},
		{"kernel k\nversion", NAME ":2: version: only for the command line"},
		{"kernel k\non-fault burn",
		 NAME ":2: on-fault: \"burn\" was given, wanted reset, boot or halt"},
		{"kernel k\n--quiet", NAME ":2: --quiet: unknown option; did you mean \"quiet\"?"},
		{"kernel k\nthis-key-is-far-too-long-for-anything x",
		 NAME ":2: unknown key \"this-key-is-far-too-long-for-anything\""},
		{"foo\nbar\nkernel k", NAME ":1: foo: unknown option"}, // only the first mistake is reported
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text), -1);
		assert_string_equal(err.text, cases[i].wanted);
		// The lines after a mistake still count.
		assert_string_equal(options.kernel, "\\EFI\\BOOT\\k");
	}
	assert_int_equal(parse("kernel"), -1);
	assert_non_null(strstr(err.text, ":1: KERNEL: an empty word"));
}

static void test_not_text(void **state)
{
	static const char utf16[] = "\xff\xfek\0e\0";

	(void)state;
	assert_int_equal(parse_bytes(utf16, sizeof(utf16) - 1), -1);
	assert_string_equal(err.text, NAME ": byte 3 is NUL, wanted UTF-8 text (not UTF-16)");
}

static void test_long_lines(void **state)
{
	static char text[3 * LB_MAX_CMDLINE];
	size_t used = strlen(strcpy(text, "arguments "));

	(void)state;
	for (int i = 0; i < 1200; i++)
		used += strlen(strcpy(text + used, "abc "));
	strcpy(text + used, "\nkernel k");
	assert_int_equal(parse(text), -1);
	assert_non_null(
		strstr(err.text, NAME ":1: kernel arguments: more than 4095 bytes, cut before \" abc"));
	assert_int_equal(strlen(options.cmdline), 4095);
	assert_string_equal(options.cmdline + 4088, "abc abc");
	assert_string_equal(options.kernel, "\\EFI\\BOOT\\k");
	memcpy(text, "capture-args", 12);
	text[12] = ' ';
	assert_int_equal(parse(text), -1);
	assert_non_null(strstr(err.text, NAME ":1: capture-args: "));
	assert_string_equal(options.capture_args, "");
}

// A file truncated anywhere is read without a fault, and only a cut value is a mistake.
static void test_truncations(void **state)
{
	static const char text[] = "kernel k\nconsole ttyS0\nquiet\narguments a b\n";

	(void)state;
	for (size_t bytes = 0; bytes < sizeof(text); bytes++) {
		int result = parse_bytes(text, bytes < sizeof(text) - 1 ? bytes : sizeof(text) - 1);

		if (bytes == 0 || text[bytes - 1] == '\n')
			assert_int_equal(result, 0);
		if (bytes > 8)
			assert_string_equal(options.kernel, "\\EFI\\BOOT\\k");
	}
}

// Options of a help text, the keys of the file alone, and how often docs/lifeboat.conf has each.
static struct {
	char name[32];
	unsigned int seen;
} keys[64];
static size_t key_count;

static void add_key(const char *name, size_t bytes)
{
	assert_true(key_count < sizeof(keys) / sizeof(keys[0]) && bytes < sizeof(keys[0].name));
	memcpy(keys[key_count++].name, name, bytes);
}

static void add_keys_of_help(const char *text)
{
	static const char *const not_of_the_file[] = {"help", "help-dump", "version"};
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz-";

	while ((text = strstr(text, "--"))) {
		size_t bytes = strspn(text + 2, letters);
		bool taken = bytes == 0 || !strchr(" :;,\n[", text[2 + bytes]);

		for (size_t i = 0; i < sizeof(not_of_the_file) / sizeof(not_of_the_file[0]); i++)
			taken |= strlen(not_of_the_file[i]) == bytes &&
				 memcmp(not_of_the_file[i], text + 2, bytes) == 0;
		for (size_t i = 0; i < key_count; i++)
			taken |= strlen(keys[i].name) == bytes && memcmp(keys[i].name, text + 2, bytes) == 0;
		if (!taken)
			add_key(text + 2, bytes);
		text += 2 + bytes;
	}
}

// docs/lifeboat.conf has every key once. Each of its lines is understood when its comment sign is taken away.
static void test_sample(void **state)
{
	FILE *file = fopen("docs/lifeboat.conf", "r");
	char line[256];

	(void)state;
	assert_non_null(file);
	add_key("kernel", strlen("kernel"));
	add_key("arguments", strlen("arguments"));
	add_keys_of_help(lb_options_help);
	add_keys_of_help(lb_dump_options_help);
	assert_true(key_count > 25);
	while (fgets(line, sizeof(line), file)) {
		size_t bytes = strcspn(line + 1, " \n"), i = 0;

		assert_true(strlen(line) < 121);
		assert_int_equal(parse(line), 0);
		if (line[0] != '#' || bytes == 0)
			continue;
		assert_int_equal(parse(line + 1), 0);
		while (i < key_count &&
		       (strlen(keys[i].name) != bytes || memcmp(keys[i].name, line + 1, bytes) != 0))
			i++;
		assert_true(i < key_count);
		keys[i].seen++;
	}
	fclose(file);
	for (size_t i = 0; i < key_count; i++)
		if (keys[i].seen != 1)
			fail_msg("%s: %u times in docs/lifeboat.conf, wanted once", keys[i].name,
				 keys[i].seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything),  cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_quotes),      cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_not_text),    cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_truncations), cmocka_unit_test(test_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
