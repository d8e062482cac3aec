// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "loader/options/options.h"
#include "unit.h"

#define BASE "\\EFI\\lifeboat"

static struct lb_options options;
static struct lb_error err;

static int parse(const char *const *words)
{
	uint32_t count = 0;

	while (words[count])
		count++;
	memset(&err, 0, sizeof(err));
	lb_options_init(&options);
	lb_options_source(&options, BASE);
	return lb_options_words(&options, count, words, &err);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(PARSE("vmlinuz"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_string_equal(options.kernel, BASE "\\vmlinuz");
	assert_string_equal(options.crashkernel, "auto");
	assert_string_equal(options.cmdline, "");
	assert_string_equal(options.capture, "");
	assert_string_equal(options.capture_initrd, "");
	assert_string_equal(options.capture_args, "");
	assert_int_equal(options.initrd_count, 0);
	assert_int_equal(options.on_mismatch, LB_POLICY_RESET);
	assert_int_equal(options.watchdog, 0);
	assert_int_equal(options.verbosity, LB_NORMAL);
	assert_false(options.console_given || options.require || options.dry_run || options.footprint ||
		     options.help || options.version);
	assert_int_equal(options.panic_words, lb_panic_words_of(LB_PROFILE_SERVER));
}

static void test_everything(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--initrd", "a", "--initrd=/b", "--capture=fs1:\\c", "--capture-initrd", "d",
			       "--capture-args", "x=1 y", "--crashkernel=64M", "--require", "--no-measure",
			       "--on-fault", "boot", "--console=ttyS1", "--watchdog=30", "--profile=strict",
			       "--without", "oops=panic", "-n", "-v", "/k", "root=a", "--initrd", "-q"),
			 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_int_equal(options.initrd_count, 2);
	assert_string_equal(options.initrd[0], BASE "\\a");
	assert_string_equal(options.initrd[1], "\\b");
	assert_string_equal(options.capture, "fs1:\\c");
	assert_string_equal(options.capture_initrd, BASE "\\d");
	assert_string_equal(options.capture_args, "x=1 y");
	assert_string_equal(options.crashkernel, "64M");
	assert_true(options.require && options.dry_run && options.console_given);
	assert_true(options.no_measure && lb_options_answer(&options));
	assert_int_equal(options.on_mismatch, LB_POLICY_BOOT);
	assert_int_equal(options.console.type, LB_CONSOLE_PORT);
	assert_int_equal(options.console.address, 0x2f8);
	assert_int_equal(options.watchdog, 30);
	assert_int_equal(options.panic_words,
			 lb_panic_words_of(LB_PROFILE_STRICT) & ~LB_WORD_BIT(LB_WORD_OOPS));
	assert_int_equal(options.verbosity, LB_VERBOSE);
	assert_string_equal(options.kernel, "\\k");
	// Options end at KERNEL; what follows are the kernel's arguments.
	assert_string_equal(options.cmdline, "root=a --initrd -q");
}

// The words of a panic set may come in any order. Other words are refused.
static void test_panic_words(void **state)
{
	const uint32_t notifiers = LB_WORD_BIT(LB_WORD_NOTIFIERS) | LB_WORDS_BESIDE_KDUMP;
	static const char *const bad[] = {"panic=-1",         "oops=",        "oops",
					  "oops=panic quiet", "init=/bin/sh", ""};

	(void)state;
	assert_int_equal(PARSE("--with=nmi_watchdog=panic", "--profile", "desktop", "k"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_int_equal(options.panic_words,
			 lb_panic_words_of(LB_PROFILE_DESKTOP) | LB_WORD_BIT(LB_WORD_HARD_LOCKUP));

	assert_int_equal(PARSE("--without", "oops=panic", "--with", "oops=panic", "k"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_int_equal(options.panic_words, lb_panic_words_of(LB_PROFILE_SERVER));

	assert_int_equal(PARSE("--with", "crash_kexec_post_notifiers", "k"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_int_equal(options.panic_words, lb_panic_words_of(LB_PROFILE_SERVER) | LB_WORDS_BESIDE_KDUMP);
	assert_int_equal(
		PARSE("--with", "crash_kexec_post_notifiers", "--without", "crash_kexec_post_notifiers", "k"),
		0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_int_equal(options.panic_words, lb_panic_words_of(LB_PROFILE_SERVER) & ~notifiers);

	assert_int_equal(PARSE("--profile", "paranoid", "k"), -1);
	assert_string_equal(err.text, "--profile: \"paranoid\" was given, wanted desktop, server or strict");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(PARSE("--with", bad[i], "k"), -1);
	assert_int_equal(PARSE("--with", "init=/bin/sh", "k"), -1);
	assert_non_null(strstr(err.text, "softlockup_panic=1, hung_task_panic=1 or nmi_watchdog=panic"));
}

static void test_short_and_long(void **state)
{
	static const struct {
		const char *word;
		size_t field; // offset of the bool that the option sets
	} flags[] = {
		{"-n", offsetof(struct lb_options, dry_run)},
		{"--dry-run", offsetof(struct lb_options, dry_run)},
		{"--footprint", offsetof(struct lb_options, footprint)},
		{"-h", offsetof(struct lb_options, help)},
		{"-?", offsetof(struct lb_options, help)},
		{"--help", offsetof(struct lb_options, help)},
		{"--help-dump", offsetof(struct lb_options, help_dump)},
		{"--version", offsetof(struct lb_options, version)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		assert_int_equal(PARSE(flags[i].word), 0);
		assert_true(*((const bool *)&options + flags[i].field));
	}
	PARSE("-v", "-q");
	assert_int_equal(options.verbosity, LB_QUIET);
	PARSE("--quiet", "--verbose");
	assert_int_equal(options.verbosity, LB_VERBOSE);
	PARSE("--", "-k", "a");
	assert_string_equal(options.kernel, BASE "\\-k");
	assert_string_equal(options.cmdline, "a");
}

static void test_consoles(void **state)
{
	static const struct {
		const char *value;
		uint32_t type;
		uint64_t address;
	} good[] = {
		{"none", LB_CONSOLE_NONE, 0},
		{"ttyS0", LB_CONSOLE_PORT, 0x3f8},
		{"ttyS3", LB_CONSOLE_PORT, 0x2e8},
		{"0x1", LB_CONSOLE_PORT, 1},
		{"0xFFF8", LB_CONSOLE_PORT, 0xfff8},
		{"mmio:0xfedc0ff8", LB_CONSOLE_MMIO, 0xfedc0ff8},
		{"mmio:0xFFFFFFFFFFFFF000", LB_CONSOLE_MMIO, 0xfffffffffffff000},
	};
	static const char *const bad[] = {"ttyS4",
					  "ttyS",
					  "ttyS00",
					  "ttyUSB0",
					  "0x",
					  "0xg",
					  "0x0",
					  "0xfff9",
					  "1016",
					  "mmio:",
					  "mmio:0x0",
					  "mmio:0x1ff9",
					  "mmio:0x10000000000000000",
					  "None"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(PARSE("--console", good[i].value), 0);
		assert_true(options.console_given);
		assert_int_equal(options.console.type, good[i].type);
		assert_int_equal(options.console.address, good[i].address);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(PARSE("--console", bad[i]), -1);
		assert_int_equal(strncmp(err.text, "--console: ", 11), 0);
		assert_false(options.console_given);
		assert_int_equal(options.console.address, 0);
	}
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *words[4];
		const char *wanted;
	} cases[] = {
		{{"--foo", "k"}, "--foo: unknown option"},
		{{"--initrdx=a", "k"}, "--initrdx=a: unknown option; did you mean \"--initrd\"?"},
		{{"--dumpto", "k"}, "--dumpto: unknown option; did you mean \"--dump-to\"?"},
		{{"-quiet", "k"}, "-quiet: unknown option; did you mean \"--quiet\"?"},
		{{"--linux", "k"},
		 "--linux: unknown option; KERNEL follows the options, with no option of its own"},
		{{"--cmdline=a", "k"}, "--cmdline=a: unknown option; the kernel's arguments follow KERNEL"},
		{{"-x", "k"}, "-x: unknown option"},
		{{"-nv", "k"}, "-nv: unknown option"},
		{{"--chained", "k"}, "--chained: unknown option; did you mean \"--chain\"?"},
		{{"--require=yes", "k"}, "--require: takes no value, \"yes\" was given"},
		{{"--initrd=", "k"}, "--initrd: nothing was given, wanted FILE"},
		{{"k", NULL, NULL}, NULL},
		{{"--watchdog=4", "k"},
		 "--watchdog: \"4\" was given, wanted a number of seconds from 5 to 613"},
		{{"--watchdog=614", "k"},
		 "--watchdog: \"614\" was given, wanted a number of seconds from 5 to 613"},
		{{"--watchdog=99999999999999999999", "k"},
		 "--watchdog: \"99999999999999999999\" was given, wanted a number of seconds from 5 to 613"},
		{{"--watchdog=1m", "k"},
		 "--watchdog: \"1m\" was given, wanted a number of seconds from 5 to 613"},
		{{"--on-fault=panic", "k"}, "--on-fault: \"panic\" was given, wanted reset, boot or halt"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].words), cases[i].wanted ? -1 : 0);
		assert_string_equal(err.text, cases[i].wanted ? cases[i].wanted : "");
		assert_string_equal(options.kernel, BASE "\\k"); // the words behind a mistake still count
	}
	assert_int_equal(PARSE("--initrd"), -1);
	assert_string_equal(err.text, "--initrd: nothing was given, wanted FILE");
	assert_int_equal(PARSE(""), -1);
	assert_non_null(strstr(err.text, "KERNEL: an empty word"));
	// The first mistake is the one reported, and the words behind it still count.
	assert_int_equal(PARSE("--foo", "--bar", "--require", "k", "a"), -1);
	assert_string_equal(err.text, "--foo: unknown option");
	assert_true(options.require);
	assert_string_equal(options.cmdline, "a");
}

static void test_no_kernel(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-n"), 0);
	assert_int_equal(lb_options_finish(&options, &err), -1);
	assert_non_null(strstr(err.text, "KERNEL: none was given"));
	assert_int_equal(PARSE("--help"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
}

static void test_footprint_without_kernel(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--footprint"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_true(options.footprint);
	assert_string_equal(options.kernel, "");
	assert_string_equal(options.crashkernel, "auto");
	assert_int_equal(PARSE("--footprint", "--crashkernel", "3G"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_string_equal(options.crashkernel, "3G");
	assert_int_equal(PARSE("--footprint", "k", "crashkernel=1G"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_string_equal(options.crashkernel, "1G");
	assert_int_equal(PARSE("--footprint=yes"), -1);
	assert_string_equal(err.text, "--footprint: takes no value, \"yes\" was given");
}

static void test_quoting(void **state)
{
	(void)state;
	PARSE("k", "a=b c", "d e", "f=\"g h\"", "", "i");
	assert_string_equal(options.cmdline, "a=\"b c\" \"d e\" f=\"g h\" i");
}

static void test_arguments_used(void **state)
{
	(void)state;
	PARSE("--initrd=a", "k", "initrd=\\b", "initrd=0x1000,4096", "crashkernel=1M", "initrd=/c d",
	      "crashkernel=2M@3M", "--", "initrd=e", "crashkernel=4M");
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_int_equal(options.initrd_count, 3);
	assert_string_equal(options.initrd[0], BASE "\\a");
	assert_string_equal(options.initrd[1], "\\b");
	assert_string_equal(options.initrd[2], "\\c d");
	assert_string_equal(options.crashkernel, "1M 2M@3M");
}

// Every crashkernel= counts, each for its kind. --crashkernel replaces them all.
static void test_crashkernel(void **state)
{
	(void)state;
	PARSE("k", "crashkernel=300M,high", "quiet", "crashkernel=\"72M,low\"", "nocrashkernel=1M",
	      "\"crashkernel=8M\"");
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_string_equal(options.crashkernel, "300M,high 72M,low 8M");
	assert_int_equal(PARSE("--crashkernel=5M", "k", "crashkernel=1M", "crashkernel="), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_string_equal(options.crashkernel, "5M");
	assert_int_equal(PARSE("--crashkernel", "5M,high 6M,low", "k"), 0);
	assert_string_equal(options.crashkernel, "5M,high 6M,low");

	PARSE("k", "crashkernel=1M", "crashkernel=");
	assert_int_equal(lb_options_finish(&options, &err), -1);
	assert_string_equal(err.text, "crashkernel=: nothing follows, wanted auto, SIZE or RANGE:SIZE");
	PARSE("k", "crashkernel");
	assert_int_equal(lb_options_finish(&options, &err), -1);
}

// There is room for as many and as long words as the arguments hold.
static void test_crashkernel_fits(void **state)
{
	static char word[LB_MAX_CMDLINE];
	static const char key[] = "crashkernel=";
	size_t bytes;

	(void)state;
	bytes = sizeof(word) - 1 - strlen("quiet ");
	memset(word, '7', bytes);
	memcpy(word, key, sizeof(key) - 1);
	memcpy(word + bytes - 4, "M,high", 6);
	word[bytes] = '\0';
	assert_int_equal(PARSE("k", "quiet", word), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_string_equal(options.crashkernel, word + sizeof(key) - 1);

	for (size_t i = 0; i + 16 < sizeof(word); i += 16)
		memcpy(word + i, "crashkernel=64M ", 17);
	lb_options_init(&options);
	assert_int_equal(lb_options_kernel(&options, "k", &err), 0);
	assert_int_equal(lb_options_arguments(&options, word, strlen(word), &err), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_int_equal(strlen(options.crashkernel), strlen(word) / 4 - 1);
}

static void test_too_long(void **state)
{
	static char word[LB_MAX_CMDLINE + 8];
	static char path[LB_MAX_PATH + 1];

	(void)state;
	memset(path, 'p', LB_MAX_PATH);
	assert_int_equal(PARSE(path), -1);
	assert_string_equal(options.kernel, "");
	path[LB_MAX_PATH - sizeof(BASE "\\")] = '\0';
	assert_int_equal(PARSE(path), 0);
	path[LB_MAX_PATH - sizeof(BASE "\\")] = 'p';
	path[LB_MAX_PATH - sizeof(BASE "\\") + 1] = '\0';
	assert_int_equal(PARSE(path), -1);

	memset(word, 'w', sizeof(word) - 1);
	assert_int_equal(PARSE("k", "first", word, "last"), -1);
	assert_non_null(strstr(err.text, "kernel arguments: more than 4095 bytes, cut before \"wwww"));
	assert_string_equal(options.cmdline, "first last");
	word[LB_MAX_CMDLINE - 1] = '\0';
	assert_int_equal(PARSE("k", word), 0);
	assert_int_equal(strlen(options.cmdline), LB_MAX_CMDLINE - 1);
	assert_int_equal(PARSE("k", word, "x"), -1);
	assert_int_equal(strlen(options.cmdline), LB_MAX_CMDLINE - 1);
	word[20] = ' ';
	assert_int_equal(PARSE("k", word), -1); // with the quotes that it needs, the word is too long
	assert_string_equal(options.cmdline, "");
	memset(word, 'w', LB_MAX_CMDLINE);
	word[LB_MAX_CMDLINE] = '\0';
	assert_int_equal(PARSE("--crashkernel", word, "k"), -1);
	assert_non_null(strstr(err.text, "4096 bytes, 4095 are possible"));
}

static void test_too_many_initrds(void **state)
{
	const char *words[2 * LB_MAX_INITRDS + 2] = {NULL};

	(void)state;
	for (uint32_t i = 0; i <= LB_MAX_INITRDS; i++)
		words[i] = "--initrd=a";
	assert_int_equal(parse(words), -1);
	assert_string_equal(err.text, "initrd a: more than 16 of them");
	assert_int_equal(options.initrd_count, LB_MAX_INITRDS);
}

// Words of the command line come after lifeboat.conf and replace it.
static void test_two_sources(void **state)
{
	static const char *const words[] = {"--initrd=z", "-q", "fs0:k2", "new"};

	(void)state;
	PARSE("--initrd=a", "--initrd=b", "--require", "-v", "k1", "old", "initrd=c");
	lb_options_source(&options, "FS0:\\d");
	assert_int_equal(lb_options_words(&options, 2, words, &err), 0);
	assert_string_equal(options.kernel, BASE "\\k1");
	assert_string_equal(options.cmdline, "old initrd=c");
	assert_int_equal(options.verbosity, LB_QUIET);
	assert_true(options.require);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	// One from the new list and one from the arguments, each relative to its own folder.
	assert_int_equal(options.initrd_count, 2);
	assert_string_equal(options.initrd[0], "FS0:\\d\\z");
	assert_string_equal(options.initrd[1], BASE "\\c");

	lb_options_source(&options, "FS0:\\d");
	assert_int_equal(lb_options_words(&options, 4, words, &err), 0);
	assert_string_equal(options.kernel, "fs0:k2");
	assert_string_equal(options.cmdline, "new");
}

static void test_dump_defaults(void **state)
{
	(void)state;
	assert_int_equal(PARSE("k"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_true(options.builtin);
	assert_int_equal(options.dump.to_count, 0);
	assert_int_equal(options.dump.format, LB_DUMP_ZSTD);
	assert_int_equal(options.dump.level, 31);
	assert_int_equal(options.dump.cpus, 0);
	assert_int_equal(options.dump.end, LB_CAPTURE_RESET);
	assert_false(options.dump.overwrite || options.dump.selftest || options.dump.selftest_once);
	assert_false(options.dump.mask_report);
	assert_int_equal(options.dump.screen, LB_SCREEN_AUTO);
}

static void test_dump_everything(void **state)
{
	static const uint8_t uuid[] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
				       0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

	(void)state;
	assert_int_equal(PARSE("--capture", "builtin", "--dump-to", "PARTLABEL=a b", "--dump-to=auto",
			       "--dump-to", "PARTUUID=00112233-4455-6677-8899-AABBCCddeeff",
			       "--dump-format=elf", "--dump-level", "0", "--dump-overwrite", "--mask-report",
			       "--screen", "always", "--capture-cpus=64", "--on-captured", "poweroff",
			       "--selftest", "k"),
			 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_true(options.builtin);
	assert_int_equal(options.dump.to_count, 3);
	assert_int_equal(options.dump.to[0].by, LB_DUMP_BY_LABEL);
	assert_string_equal(lb_dump_to_label(&options.dump.to[0]), "a b");
	assert_int_equal(options.dump.to[1].by, LB_DUMP_BY_TYPE);
	assert_int_equal(options.dump.to[2].by, LB_DUMP_BY_UUID);
	assert_memory_equal(options.dump.to[2].uuid, uuid, sizeof(uuid));
	assert_int_equal(options.dump.format, LB_DUMP_ELF);
	assert_int_equal(options.dump.level, 0);
	assert_int_equal(options.dump.cpus, 64);
	assert_int_equal(options.dump.end, LB_CAPTURE_POWEROFF);
	assert_true(options.dump.mask_report);
	assert_int_equal(options.dump.screen, LB_SCREEN_ALWAYS);
	assert_true(options.dump.overwrite && options.dump.selftest && !options.dump.selftest_once);
}

static void test_dump_names(void **state)
{
	static const char *const formats[] = {"zstd", "zlib", "raw", "elf"};
	static const char *const ends[] = {"reset", "poweroff", "halt"};
	static const char *const screens[] = {"auto", "always", "never"};

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(PARSE("--dump-format", formats[i], "k"), 0);
		assert_int_equal(options.dump.format, i);
		assert_string_equal(lb_dump_format_name(i), formats[i]);
	}
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(PARSE("--screen", screens[i], "k"), 0);
		assert_int_equal(options.dump.screen, i);
		assert_string_equal(lb_screen_policy_name(i), screens[i]);
	}
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(PARSE("--on-captured", ends[i], "k"), 0);
		assert_int_equal(options.dump.end, i);
		assert_string_equal(lb_capture_end_name(i), ends[i]);
	}
}

static void test_dump_mistakes(void **state)
{
	static const struct {
		const char *words[4];
		const char *wanted;
	} cases[] = {
		{{"--dump-to=sda1", "k"},
		 "--dump-to: \"sda1\" was given, wanted PARTLABEL=NAME, PARTUUID=UUID, auto, file or "
		 "\\DIR\\FILE"},
		{{"--dump-to=PARTLABEL=", "k"},
		 "--dump-to: \"PARTLABEL=\" was given, wanted PARTLABEL=NAME, PARTUUID=UUID, auto, file or "
		 "\\DIR\\FILE"},
		{{"--dump-to=PARTUUID=1234", "k"},
		 "--dump-to: \"PARTUUID=1234\" was given, wanted PARTLABEL=NAME, PARTUUID=UUID, auto, file "
		 "or \\DIR\\FILE"},
		{{"--dump-format=gzip", "k"},
		 "--dump-format: \"gzip\" was given, wanted zstd, zlib, raw or elf"},
		{{"--dump-level=32", "k"}, "--dump-level: \"32\" was given, wanted a number from 0 to 31"},
		{{"--dump-level=-1", "k"}, "--dump-level: \"-1\" was given, wanted a number from 0 to 31"},
		{{"--dump-level=031", "k"}, "--dump-level: \"031\" was given, wanted a number from 0 to 31"},
		{{"--capture-cpus=0", "k"}, "--capture-cpus: \"0\" was given, wanted a number from 1 to 64"},
		{{"--capture-cpus=65", "k"},
		 "--capture-cpus: \"65\" was given, wanted a number from 1 to 64"},
		{{"--on-captured=boot", "k"},
		 "--on-captured: \"boot\" was given, wanted reset, poweroff or halt"},
		{{"--screen=on", "k"}, "--screen: \"on\" was given, wanted auto, always or never"},
		{{"--selftest=1", "k"}, "--selftest: takes no value, \"1\" was given"},
		{{"--dump-overwrite=1", "k"}, "--dump-overwrite: takes no value, \"1\" was given"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].words), -1);
		assert_string_equal(err.text, cases[i].wanted);
		assert_int_equal(options.dump.to_count, 0);
		assert_int_equal(options.dump.level, 31);
		assert_int_equal(options.dump.cpus, 0);
	}
	assert_int_equal(PARSE("--dump-to=auto", "--dump-to=auto", "--dump-to=auto", "--dump-to=auto",
			       "--dump-to=auto", "k"),
			 -1);
	assert_string_equal(err.text, "--dump-to: auto: more than 4 of them");
	assert_int_equal(options.dump.to_count, 4);
}

// Any of --capture FILE, --capture-initrd, --capture-args selects a Linux as second kernel.
static void test_which_second(void **state)
{
	static const struct {
		const char *words[6];
		bool builtin;
		const char *wanted; // NULL: no mistake
	} cases[] = {
		{{"k"}, true, NULL},
		{{"--capture=builtin", "k"}, true, NULL},
		{{"--capture=c", "k"}, false, NULL},
		{{"--capture-initrd=c", "k"}, false, NULL},
		{{"--capture-args=c", "k"}, false, NULL},
		{{"--capture=c", "--capture=builtin", "k"}, true, NULL},
		{{"--capture=builtin", "--capture=c", "k"}, false, NULL},
		{{"--capture=builtin", "--capture-initrd=i", "k"},
		 true,
		 "--capture-initrd: the built-in capture kernel, which --capture builtin chose, takes none"},
		{{"--capture-args=a", "--capture=builtin", "k"},
		 true,
		 "--capture-args: the built-in capture kernel, which --capture builtin chose, takes none"},
		{{"--capture=c", "--dump-to=auto", "k"},
		 false,
		 "--dump-to: for the built-in capture kernel only, and --capture FILE chose a Linux"},
		{{"--dump-encrypt=age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
		  "--capture=c", "k"},
		 false,
		 "--dump-encrypt: for the built-in capture kernel only, and --capture FILE chose a Linux"},
		{{"--selftest", "--dump-level=1", "--capture-initrd=c", "k"},
		 false,
		 "--selftest: for the built-in capture kernel only, and --capture-initrd chose a Linux"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].words), 0);
		assert_int_equal(lb_options_finish(&options, &err), cases[i].wanted ? -1 : 0);
		assert_string_equal(err.text, cases[i].wanted ? cases[i].wanted : "");
		assert_int_equal(options.builtin, cases[i].builtin);
	}
}

// A list in a later source replaces the earlier one. The self-test of lifeboat.conf runs once.
static void test_dump_two_sources(void **state)
{
	static const char *const words[] = {"--dump-to=PARTLABEL=z", "k"};

	(void)state;
	PARSE("--dump-to=auto", "--dump-to=PARTLABEL=y", "k");
	lb_options_source(&options, BASE);
	assert_int_equal(lb_options_words(&options, 2, words, &err), 0);
	assert_int_equal(options.dump.to_count, 1);
	assert_string_equal(lb_dump_to_label(&options.dump.to[0]), "z");

	assert_int_equal(lb_options_set(&options, "selftest", "selftest", NULL, &err), 0);
	assert_true(options.dump.selftest && options.dump.selftest_once);
	assert_int_equal(lb_options_words(&options, 1, (const char *const[]){"--selftest"}, &err), 0);
	assert_true(options.dump.selftest && !options.dump.selftest_once);
}

static void check_fits_a_screen(const char *text)
{
	unsigned int lines = 0, column = 0;

	for (const char *c = text; *c; c++) {
		column = *c == '\n' ? 0 : column + 1;
		lines += *c == '\n';
		assert_true(column < 80);
	}
	assert_true(lines < 25);
}

static void test_chain(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-q", "--chain", "g.efi", "one", "two three"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_true(lb_options_late(&options));
	assert_string_equal(options.chain, BASE "\\g.efi");
	assert_string_equal(options.chain_words, "one \"two three\"");
	assert_string_equal(options.kernel, "");
	assert_string_equal(options.cmdline, "");

	// These words go to the boot manager, and are no kernel arguments.
	assert_int_equal(PARSE("--chain", "\\g.efi", "crashkernel=1M", "initrd=\\i"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_string_equal(options.crashkernel, "auto");
	assert_int_equal(options.initrd_count, 0);

	assert_int_equal(PARSE("--chain", "\\g.efi"), 0);
	assert_int_equal(lb_options_kernel(&options, "\\k", &err), 0);
	assert_int_equal(lb_options_finish(&options, &err), -1);
	assert_string_equal(err.text, "kernel: --chain starts a boot manager, and no kernel");
	assert_string_equal(options.chain, "\\g.efi"); // the boot manager starts, without a capture
	assert_string_equal(options.kernel, "");
}

static void test_late_mistakes(void **state)
{
	static const struct {
		const char *words[6];
		const char *says;
	} cases[] = {
		{{"--initrd", "i", "--chain", "g"}, "--initrd: --chain starts a boot manager"},
		{{"--watchdog", "30", "--chain", "g"}, "--watchdog: wanted a KERNEL"},
		{{"--capture-args", "x", "--chain", "g"}, "--capture-args: wanted --capture FILE, too"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].words), 0);
		assert_int_equal(lb_options_finish(&options, &err), -1);
		assert_non_null(strstr(err.text, cases[i].says));
	}
	assert_int_equal(PARSE("--capture", "c", "--capture-args", "x", "--chain", "g"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
}

// One lifeboat.conf can serve the driver, and the program that the boot manager starts without it.
static void test_a_driver_starts_nothing(void **state)
{
	(void)state;
	for (int given = 0; given < 3; given++) {
		assert_int_equal(given == 0 ? PARSE("-v")
				 : given == 1
					 ? PARSE("--initrd", "i", "--crashkernel=64M", "k", "crashkernel=1M")
					 : PARSE("--chain", "g", "crashkernel=1M"),
				 0);
		options.resident = true;
		assert_int_equal(lb_options_finish(&options, &err), 0);
		assert_true(lb_options_late(&options));
		assert_string_equal(options.kernel, "");
		assert_string_equal(options.chain, "");
		assert_string_equal(options.chain_words, "");
		assert_int_equal(options.initrd_count, 0);
		assert_string_equal(options.crashkernel, given == 1 ? "64M" : "auto");
	}
}

static void test_unified(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-q", "u.efi", "root=/dev/vda", "crashkernel=256M"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_string_equal(options.crashkernel, "256M");
	assert_int_equal(lb_options_unified(&options, &err), 0);
	assert_true(lb_options_late(&options) && options.builtin);
	assert_string_equal(options.chain, BASE "\\u.efi");
	assert_string_equal(options.chain_words, "root=/dev/vda crashkernel=256M");
	assert_string_equal(options.kernel, "");
	assert_string_equal(options.cmdline, "");
	// crashkernel= on the unified kernel's line is left to that kernel.
	assert_string_equal(options.crashkernel, "auto");

	assert_int_equal(PARSE("--crashkernel", "32M", "u.efi"), 0);
	assert_int_equal(lb_options_finish(&options, &err), 0);
	assert_int_equal(lb_options_unified(&options, &err), 0);
	assert_string_equal(options.crashkernel, "32M");
}

static void test_unified_refuses(void **state)
{
	static const struct {
		const char *words[4], *wanted;
	} cases[] = {
		{{"--initrd=i", "u.efi"}, "--initrd: wanted a bzImage as KERNEL, and "},
		{{"u.efi", "initrd=i"}, "--initrd: wanted a bzImage as KERNEL, and "},
		{{"--watchdog=9", "u.efi"}, "--watchdog: wanted a bzImage as KERNEL, and "},
		{{"--capture-initrd=i", "u.efi"}, "--capture-initrd: wanted --capture FILE, too"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].words), 0);
		assert_int_equal(lb_options_finish(&options, &err), 0);
		assert_int_equal(lb_options_unified(&options, &err), -1);
		assert_non_null(strstr(err.text, cases[i].wanted));
		assert_string_equal(options.chain, BASE "\\u.efi"); // the kernel boots, without a capture
		assert_true(!options.initrd_count && !options.watchdog);
	}
}

static void test_unknown_option_is_marked(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--quiet", "k"), 0);
	assert_false(options.unknown);
	assert_int_equal(PARSE("--dump-level=99", "k"), -1);
	assert_false(options.unknown); // the option is known, its value is wrong
	assert_int_equal(PARSE("--foo", "k"), -1);
	assert_true(options.unknown);
	assert_int_equal(lb_options_set(&options, "foo", "foo", NULL, &err), -1);
	assert_int_equal(PARSE("k"), 0);
	assert_int_equal(lb_options_set(&options, "foo", "foo", NULL, &err), -1);
	assert_false(options.unknown); // an unknown key of lifeboat.conf does not count here
}

static void test_help_names_what_the_file_has(void **state)
{
	(void)state;
	assert_non_null(strstr(lb_options_help, "kernel FILE"));
	assert_non_null(strstr(lb_options_help, "arguments ARGS"));
}

static void test_help_fits_a_screen(void **state)
{
	(void)state;
	check_fits_a_screen(lb_options_help);
	check_fits_a_screen(lb_dump_options_help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_panic_words),
		cmocka_unit_test(test_short_and_long),
		cmocka_unit_test(test_consoles),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_no_kernel),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_arguments_used),
		cmocka_unit_test(test_crashkernel),
		cmocka_unit_test(test_crashkernel_fits),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_too_many_initrds),
		cmocka_unit_test(test_two_sources),
		cmocka_unit_test(test_dump_defaults),
		cmocka_unit_test(test_dump_everything),
		cmocka_unit_test(test_dump_names),
		cmocka_unit_test(test_dump_mistakes),
		cmocka_unit_test(test_which_second),
		cmocka_unit_test(test_dump_two_sources),
		cmocka_unit_test(test_unified),
		cmocka_unit_test(test_unified_refuses),
		cmocka_unit_test(test_unknown_option_is_marked),
		cmocka_unit_test(test_help_names_what_the_file_has),
		cmocka_unit_test(test_help_fits_a_screen),
		cmocka_unit_test(test_footprint_without_kernel),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_late_mistakes),
		cmocka_unit_test(test_a_driver_starts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
