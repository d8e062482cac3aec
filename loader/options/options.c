// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/options.h"

#include "crash/plan/cmdline.h"
#include "lib/mem.h"
#include "lib/suggest.h"
#include "loader/options/consoles.h"
#include "loader/options/path.h"
#include "loader/options/values.h"

const char lb_options_help[] =
	"Usage: lifeboat.efi [OPTIONS] KERNEL [KERNEL-ARGUMENTS...]\n"
	"\n"
	"Starts the Linux kernel KERNEL so that its panic lands in a second kernel.\n"
	"\n"
	"  --chain FILE [WORDS...] start a boot manager in KERNEL's place\n"
	"  --initrd FILE           initrd of KERNEL; may be repeated, or initrd=FILE\n"
	"  --capture FILE          the second kernel; builtin (default): see --help-dump\n"
	"  --capture-initrd FILE   its initrd (default: capture.img beside lifeboat.efi)\n"
	"  --capture-args ARGS     its arguments; with one of these three it is a Linux\n"
	"  --crashkernel SPEC      memory for it (default: crashkernel=, else auto)\n"
	"  --require; --no-measure      never boot unarmed; leave the TPM alone\n"
	"  --on-fault WHAT         reset (default), boot or halt on a mismatch or fault\n"
	"  --console WHERE         none, ttySN, 0xPORT, mmio[32]:ADDRESS, pci:B:D.F\n"
	"  --watchdog SECONDS      start the machine's watchdog just before KERNEL\n"
	"  --profile NAME          what is a panic: desktop, server (default), strict\n"
	"  --with WORD             one word more than the profile's; --without: one less\n"
	"  -n, --dry-run           print the plan and return\n"
	"  --footprint             page-table bytes on this machine; needs no KERNEL\n"
	"  -v, --verbose; -q, --quiet   more messages; warnings and errors only\n"
	"  -h, -?, --help; --help-dump; --version   this; dump options; the version\n"
	"\n"
	"FILE is \\DIR\\FILE on the volume of lifeboat.efi, or fs0:\\DIR\\FILE.\n"
	"Without KERNEL lifeboat.conf beside lifeboat.efi is read: kernel FILE,\n"
	"arguments ARGS, any option of these two lists without dashes; # a comment.\n";

enum option {
	OPTION_CHAIN,
	OPTION_INITRD,
	OPTION_CAPTURE,
	OPTION_CAPTURE_INITRD,
	OPTION_CAPTURE_ARGS,
	OPTION_CRASHKERNEL,
	OPTION_REQUIRE,
	OPTION_NO_MEASURE,
	OPTION_ON_FAULT,
	OPTION_CONSOLE,
	OPTION_WATCHDOG,
	OPTION_PROFILE,
	OPTION_WITH,
	OPTION_WITHOUT,
	OPTION_DRY_RUN,
	OPTION_FOOTPRINT,
	OPTION_VERBOSE,
	OPTION_QUIET,
	OPTION_HELP,
	OPTION_HELP_DUMP,
	OPTION_VERSION,
	OPTION_DUMP, // the first of lb_dump_words
	OPTION_COUNT = OPTION_DUMP + LB_DUMP_OPTION_COUNT,
};

#define PANIC_WORD_WANTS                                                                                     \
	"crash_kexec_post_notifiers, oops=panic, unknown_nmi_panic, softlockup_panic=1, hung_task_panic=1 "  \
	"or nmi_watchdog=panic"

static const struct lb_option_word own_words[OPTION_DUMP] = {
	[OPTION_CHAIN] = {"chain", "FILE"},
	[OPTION_INITRD] = {"initrd", "FILE"},
	[OPTION_CAPTURE] = {"capture", "FILE or builtin"},
	[OPTION_CAPTURE_INITRD] = {"capture-initrd", "FILE"},
	[OPTION_CAPTURE_ARGS] = {"capture-args", "ARGS"},
	[OPTION_CRASHKERNEL] = {"crashkernel", "SPEC"},
	[OPTION_REQUIRE] = {"require", NULL},
	[OPTION_NO_MEASURE] = {"no-measure", NULL},
	[OPTION_ON_FAULT] = {"on-fault", "reset, boot or halt"},
	[OPTION_CONSOLE] = {"console", LB_CONSOLE_WANTS},
	[OPTION_WATCHDOG] = {"watchdog", "a number of seconds from 5 to 613"},
	[OPTION_PROFILE] = {"profile", "desktop, server or strict"},
	[OPTION_WITH] = {"with", PANIC_WORD_WANTS},
	[OPTION_WITHOUT] = {"without", PANIC_WORD_WANTS},
	[OPTION_DRY_RUN] = {"dry-run", NULL},
	[OPTION_FOOTPRINT] = {"footprint", NULL},
	[OPTION_VERBOSE] = {"verbose", NULL},
	[OPTION_QUIET] = {"quiet", NULL},
	[OPTION_HELP] = {"help", NULL},
	[OPTION_HELP_DUMP] = {"help-dump", NULL},
	[OPTION_VERSION] = {"version", NULL},
};

static const struct {
	const char *word;
	enum option option;
} short_known[] = {
	{"-n", OPTION_DRY_RUN}, {"-v", OPTION_VERBOSE}, {"-q", OPTION_QUIET},
	{"-h", OPTION_HELP},    {"-?", OPTION_HELP},
};

static const char *const policies[] = {
	[LB_POLICY_RESET] = "reset", [LB_POLICY_BOOT] = "boot", [LB_POLICY_HALT] = "halt"};

static const char *const profiles[] = {
	[LB_PROFILE_DESKTOP] = "desktop", [LB_PROFILE_SERVER] = "server", [LB_PROFILE_STRICT] = "strict"};

const char *lb_policy_name(enum lb_policy policy)
{
	return policies[policy];
}

static const struct lb_option_word *word_of(enum option option)
{
	return option < OPTION_DUMP ? &own_words[option] : &lb_dump_words[option - OPTION_DUMP];
}

void lb_options_init(struct lb_options *options)
{
	memset(options, 0, sizeof(*options)); // on_mismatch: LB_POLICY_RESET; console: none
	options->profile = LB_PROFILE_SERVER;
	lb_dump_options_init(&options->dump);
}

void lb_options_source(struct lb_options *options, const char *base)
{
	lb_snprintf(options->base, sizeof(options->base), "%s", base);
	options->initrds_begun = options->arguments_begun = options->dump.to_begun = false;
	options->dump.recipients_begun = false;
}

// Returns OPTION_COUNT when there is no such option.
static enum option find_option(const char *name, size_t bytes)
{
	enum option option = 0;

	while (option < OPTION_COUNT && (lb_strlen(word_of(option)->name) != bytes ||
					 lb_strncmp(word_of(option)->name, name, bytes) != 0))
		option++;
	return option;
}

// Names of other boot loaders for what has another name here.
static const struct {
	const char *name, *key, *elsewhere; // the name here in lifeboat.conf; on the command line
} foreign[] = {
	{"kernel", "kernel", "KERNEL follows the options, with no option of its own"},
	{"linux", "kernel", "KERNEL follows the options, with no option of its own"},
	{"arguments", "arguments", "the kernel's arguments follow KERNEL"},
	{"options", "arguments", "the kernel's arguments follow KERNEL"},
	{"append", "arguments", "the kernel's arguments follow KERNEL"},
	{"cmdline", "arguments", "the kernel's arguments follow KERNEL"},
};
#define FOREIGN (sizeof(foreign) / sizeof(foreign[0]))

static const char *option_name(uint32_t index)
{
	return index < OPTION_COUNT ? word_of((enum option)index)->name : NULL;
}

static const char *key_name(uint32_t index)
{
	static const char *const more[] = {"kernel", "arguments", NULL};

	return index < OPTION_COUNT ? option_name(index) : more[index - OPTION_COUNT];
}

// `shown`: as given, with dashes and "=value". `key`: it stands in lifeboat.conf.
static int fail_unknown(const char *shown, bool key, struct lb_error *err)
{
	const char *name = shown, *value, *meant;
	size_t bytes;

	while (*name == '-')
		name++;
	value = lb_strchr(name, '=');
	bytes = value ? (size_t)(value - name) : lb_strlen(name);
	for (size_t i = 0; i < FOREIGN; i++) {
		if (lb_strlen(foreign[i].name) != bytes || lb_strncmp(foreign[i].name, name, bytes) != 0)
			continue;
		if (!key)
			return lb_fail(err, "%.80s: unknown option; %s", shown, foreign[i].elsewhere);
		return lb_fail(err, "%.80s: unknown option; did you mean \"%s%s%.60s\"?", shown,
			       foreign[i].key, value ? " " : "", value ? value + 1 : "");
	}
	meant = lb_suggest(name, bytes, key ? key_name : option_name);
	if (!meant)
		return lb_fail(err, "%.80s: unknown option", shown);
	if (!key)
		return lb_fail(err, "%.80s: unknown option; did you mean \"--%s\"?", shown, meant);
	return lb_fail(err, "%.80s: unknown option; did you mean \"%s%s%.60s\"?", shown, meant,
		       value ? " " : "", value ? value + 1 : "");
}

static int set_text(char *text, size_t room, const char *shown, const char *value, struct lb_error *err)
{
	return lb_value_copy(shown, value, lb_strlen(value), text, room, err);
}

static int set_policy(enum lb_policy *policy, const char *shown, const char *value, struct lb_error *err)
{
	uint32_t index;

	if (!lb_value_name(value, policies, sizeof(policies) / sizeof(policies[0]), &index))
		return lb_value_refuse(shown, value, own_words[OPTION_ON_FAULT].wants, err);
	*policy = (enum lb_policy)index;
	return 0;
}

static int set_console(struct lb_options *options, const char *shown, const char *value, struct lb_error *err)
{
	if (lb_console_parse(shown, value, &options->console, err) != 0)
		return -1;
	options->console_given = true;
	return 0;
}

static int set_watchdog(struct lb_options *options, const char *shown, const char *value,
			struct lb_error *err)
{
	if (!lb_value_number(value, LB_WATCHDOG_MIN, LB_WATCHDOG_MAX, &options->watchdog))
		return lb_value_refuse(shown, value, own_words[OPTION_WATCHDOG].wants, err);
	return 0;
}

static int set_profile(enum lb_profile *profile, const char *shown, const char *value, struct lb_error *err)
{
	uint32_t index;

	if (!lb_value_name(value, profiles, sizeof(profiles) / sizeof(profiles[0]), &index))
		return lb_value_refuse(shown, value, own_words[OPTION_PROFILE].wants, err);
	*profile = (enum lb_profile)index;
	return 0;
}

// Sets an exception. The last of --with and --without for a word counts.
static int set_exception(struct lb_options *options, bool with, const char *shown, const char *value,
			 struct lb_error *err)
{
	uint32_t words;

	if (!lb_panic_words_find(value, &words))
		return lb_value_refuse(shown, value, PANIC_WORD_WANTS, err);
	options->words_with = with ? options->words_with | words : options->words_with & ~words;
	options->words_without = with ? options->words_without & ~words : options->words_without | words;
	return 0;
}

static int add_initrd(struct lb_options *options, const char *base, const char *path, struct lb_error *err)
{
	if (options->initrd_count == LB_MAX_INITRDS)
		return lb_fail(err, "initrd %.80s: more than %d of them", path, LB_MAX_INITRDS);
	if (lb_path_resolve(base, path, options->initrd[options->initrd_count], LB_MAX_PATH, err) != 0)
		return -1;
	options->initrd_count++;
	return 0;
}

// Sets the second kernel, `builtin` or a file. The last --capture counts.
static int set_capture(struct lb_options *options, const char *value, struct lb_error *err)
{
	options->builtin_given = lb_strcmp(value, "builtin") == 0;
	options->capture[0] = '\0';
	if (options->builtin_given)
		return 0;
	return lb_path_resolve(options->base, value, options->capture, sizeof(options->capture), err);
}

static int apply(struct lb_options *options, enum option option, const char *shown, const char *value,
		 struct lb_error *err)
{
	const char *wants;

	if (option == OPTION_COUNT)
		return fail_unknown(shown, true, err);
	wants = word_of(option)->wants;
	if (!wants && value)
		return lb_fail(err, "%s: takes no value, \"%.60s\" was given", shown, value);
	if (wants && (!value || !*value))
		return lb_fail(err, "%s: nothing was given, wanted %s", shown, wants);
	if (option >= OPTION_DUMP)
		return lb_dump_options_set(&options->dump, (enum lb_dump_option)(option - OPTION_DUMP), shown,
					   value, err);

	switch (option) {
	case OPTION_CHAIN:
		return lb_path_resolve(options->base, value, options->chain, sizeof(options->chain), err);
	case OPTION_INITRD:
		if (!options->initrds_begun)
			options->initrd_count = 0;
		options->initrds_begun = true;
		return add_initrd(options, options->base, value, err);
	case OPTION_CAPTURE:
		return set_capture(options, value, err);
	case OPTION_CAPTURE_INITRD:
		return lb_path_resolve(options->base, value, options->capture_initrd,
				       sizeof(options->capture_initrd), err);
	case OPTION_CAPTURE_ARGS:
		return set_text(options->capture_args, sizeof(options->capture_args), shown, value, err);
	case OPTION_CRASHKERNEL:
		return set_text(options->crashkernel, sizeof(options->crashkernel), shown, value, err);
	case OPTION_REQUIRE:
		options->require = true;
		return 0;
	case OPTION_NO_MEASURE:
		options->no_measure = true;
		return 0;
	case OPTION_ON_FAULT:
		return set_policy(&options->on_mismatch, shown, value, err);
	case OPTION_CONSOLE:
		return set_console(options, shown, value, err);
	case OPTION_WATCHDOG:
		return set_watchdog(options, shown, value, err);
	case OPTION_PROFILE:
		return set_profile(&options->profile, shown, value, err);
	case OPTION_WITH:
	case OPTION_WITHOUT:
		return set_exception(options, option == OPTION_WITH, shown, value, err);
	case OPTION_DRY_RUN:
		options->dry_run = true;
		return 0;
	case OPTION_FOOTPRINT:
		options->footprint = true;
		return 0;
	case OPTION_VERBOSE:
		options->verbosity = LB_VERBOSE;
		return 0;
	case OPTION_QUIET:
		options->verbosity = LB_QUIET;
		return 0;
	case OPTION_HELP:
		options->help = true;
		return 0;
	case OPTION_HELP_DUMP:
		options->help_dump = true;
		return 0;
	case OPTION_VERSION:
		options->version = true;
		return 0;
	default:
		break;
	}
	return -1;
}

int lb_options_set(struct lb_options *options, const char *name, const char *shown, const char *value,
		   struct lb_error *err)
{
	enum option option = find_option(name, lb_strlen(name));

	if (apply(options, option, shown, value, err) != 0)
		return -1;
	// After the test the machine reads the same lifeboat.conf again.
	if (option == OPTION_DUMP + LB_DUMP_OPTION_SELFTEST)
		options->dump.selftest_once = true;
	return 0;
}

int lb_options_kernel(struct lb_options *options, const char *path, struct lb_error *err)
{
	if (!*path)
		return lb_fail(err, "KERNEL: an empty word was given, wanted a file");
	return lb_path_resolve(options->base, path, options->kernel, sizeof(options->kernel), err);
}

int lb_options_arguments(struct lb_options *options, const char *text, size_t bytes, struct lb_error *err)
{
	size_t used, fits, keep = bytes;
	char *out;

	if (!options->arguments_begun) {
		options->cmdline[0] = '\0';
		memcpy(options->cmdline_base, options->base, sizeof(options->cmdline_base));
	}
	options->arguments_begun = true;
	if (bytes == 0)
		return 0;
	used = lb_strlen(options->cmdline);
	fits = sizeof(options->cmdline) - 1 - used - (used > 0 && used + 1 < sizeof(options->cmdline));
	if (keep > fits) {
		keep = fits;
		while (keep > 0 && text[keep] != ' ')
			keep--;
	}
	if (keep > 0) {
		out = options->cmdline + used;
		if (used > 0)
			*out++ = ' ';
		memcpy(out, text, keep);
		out[keep] = '\0';
	}
	if (keep < bytes)
		return lb_fail(err, "kernel arguments: more than %zu bytes, cut before \"%.*s\"",
			       sizeof(options->cmdline) - 1, bytes - keep < 40 ? (int)(bytes - keep) : 40,
			       text + keep);
	return 0;
}

// The shell removes the quotes of a word with blanks. The kernel wants them back, after the "="
// (lib/cmdline.c, next_arg()).
static int take_argument(struct lb_options *options, const char *word, struct lb_error *err)
{
	char quoted[LB_MAX_CMDLINE];
	const char *equals = lb_strchr(word, '=');
	size_t key = equals ? (size_t)(equals + 1 - word) : 0;
	size_t bytes = lb_strlen(word);

	if (lb_strchr(word, '"') || !(lb_strchr(word, ' ') || lb_strchr(word, '\t')))
		return lb_options_arguments(options, word, bytes, err);
	bytes = lb_snprintf(quoted, sizeof(quoted), "%.*s\"%s\"", (int)key, word, word + key);
	if (bytes >= sizeof(quoted))
		return lb_fail(err, "kernel arguments: \"%.40s...\" has %zu bytes, %zu are possible", word,
			       bytes, sizeof(quoted) - 1);
	return lb_options_arguments(options, quoted, bytes, err);
}

// Takes words[*pos], which begins with a dash, and its value. Leaves *pos at the last word used.
static int take_option(struct lb_options *options, uint32_t count, const char *const *words, uint32_t *pos,
		       struct lb_error *err)
{
	const char *word = words[*pos];
	const char *equals = lb_strchr(word, '=');
	const char *value = equals ? equals + 1 : NULL;
	size_t bytes = equals ? (size_t)(equals - word) : lb_strlen(word);
	enum option option = OPTION_COUNT;
	char shown[40];

	for (uint32_t i = 0; i < sizeof(short_known) / sizeof(short_known[0]); i++)
		if (lb_strcmp(word, short_known[i].word) == 0)
			option = short_known[i].option;
	if (option == OPTION_COUNT && lb_strncmp(word, "--", 2) == 0)
		option = find_option(word + 2, bytes - 2);
	if (option == OPTION_COUNT) {
		options->unknown = true;
		return fail_unknown(word, false, err);
	}
	if (word_of(option)->wants && !value && *pos + 1 < count)
		value = words[++*pos];
	lb_snprintf(shown, sizeof(shown), "%.*s", (int)bytes, word);
	return apply(options, option, shown, value, err);
}

int lb_options_words(struct lb_options *options, uint32_t count, const char *const *words,
		     struct lb_error *err)
{
	bool options_over = false;
	int result = 0;
	uint32_t i = 0;

	for (; i < count; i++) {
		if (!options_over && lb_strcmp(words[i], "--") == 0)
			options_over = true;
		else if (options_over || words[i][0] != '-' || !words[i][1])
			break;
		else if (take_option(options, count, words, &i, result == 0 ? err : NULL) != 0)
			result = -1;
	}
	if (i < count && !options->chain[0] &&
	    lb_options_kernel(options, words[i++], result == 0 ? err : NULL) != 0)
		result = -1;
	for (; i < count; i++)
		if (take_argument(options, words[i], result == 0 ? err : NULL) != 0)
			result = -1;
	return result;
}

static void unquote(struct lb_word *word)
{
	if (word->bytes > 0 && word->text[0] == '"') {
		word->text++;
		word->bytes--;
	}
	if (word->bytes > 0 && word->text[word->bytes - 1] == '"')
		word->bytes--;
}

// Takes each initrd= of the arguments, as the kernel's own EFI stub does.
static int take_initrds(struct lb_options *options, struct lb_error *err)
{
	static const char key[] = "initrd=";
	const size_t key_bytes = sizeof(key) - 1;
	struct lb_word word;
	size_t pos = 0;
	int result = 0;

	while (lb_cmdline_next(options->cmdline, &pos, &word)) {
		struct lb_error *first = result == 0 ? err : NULL;
		char path[LB_MAX_PATH];

		if (word.bytes <= key_bytes || lb_strncmp(word.text, key, key_bytes) != 0)
			continue;
		word.text += key_bytes;
		word.bytes -= key_bytes;
		if (!lb_cmdline_is_initrd_file(word))
			continue;
		unquote(&word);
		if (lb_value_copy("initrd=", word.text, word.bytes, path, sizeof(path), first) != 0 ||
		    add_initrd(options, options->cmdline_base, path, first) != 0)
			result = -1;
	}
	return result;
}

// Takes every crashkernel= of the arguments, in order, separated by blanks. All of them fit, because the
// arguments did.
static int take_crashkernel(struct lb_options *options, struct lb_error *err)
{
	struct lb_word spec;
	size_t pos = 0, used = 0;

	while (lb_cmdline_next_value(options->cmdline, "crashkernel", &pos, &spec)) {
		if (spec.bytes == 0)
			return lb_fail(err, "crashkernel=: nothing follows, wanted auto, SIZE or RANGE:SIZE");
		used += lb_snprintf(options->crashkernel + used, sizeof(options->crashkernel) - used,
				    "%s%.*s", used ? " " : "", (int)spec.bytes, spec.text);
	}
	options->crashkernel_taken = used > 0;
	if (used == 0)
		lb_snprintf(options->crashkernel, sizeof(options->crashkernel), "auto");
	return 0;
}

// Chooses the second kernel. An option of the other kind of second kernel is a mistake.
static int choose_second(struct lb_options *options, struct lb_error *err)
{
	const char *linux_word = options->capture[0]          ? "capture FILE"
				 : options->capture_initrd[0] ? "capture-initrd"
				 : options->capture_args[0]   ? "capture-args"
							      : NULL;

	options->builtin = options->builtin_given || !linux_word;
	if (!options->builtin && lb_options_late(options) && !options->capture[0])
		return lb_fail(err,
			       "--%s: wanted --capture FILE, too: there is no KERNEL to be the second one",
			       linux_word);
	if (options->builtin && linux_word)
		return lb_fail(err,
			       "--%s: the built-in capture kernel, which --capture builtin chose, takes none",
			       linux_word);
	if (!options->builtin && options->dump.first_word)
		return lb_fail(err, "--%s: for the built-in capture kernel only, and --%s chose a Linux",
			       options->dump.first_word, linux_word);
	return 0;
}

// Finishes options without KERNEL. The first kernel is not known yet, so words for it are a mistake.
static int finish_late(struct lb_options *options, struct lb_error *err)
{
	const char *lost = options->resident       ? NULL
			   : options->kernel[0]    ? "kernel" // from lifeboat.conf: no option has that name
			   : options->initrd_count ? "--initrd"
						   : NULL;

	if (options->resident)
		options->chain[0] = options->cmdline[0] = '\0';
	memcpy(options->chain_words, options->cmdline, sizeof(options->chain_words));
	options->kernel[0] = options->cmdline[0] = '\0';
	options->initrd_count = 0;
	if (lost)
		return lb_fail(err, "%s: --chain starts a boot manager, and no kernel", lost);
	if (options->watchdog)
		return lb_fail(err, "--watchdog: wanted a KERNEL: a boot manager may wait for any time");
	return 0;
}

int lb_options_finish(struct lb_options *options, struct lb_error *err)
{
	int result = 0;

	if (options->help || options->help_dump || options->version)
		return 0;
	options->panic_words =
		(lb_panic_words_of(options->profile) | options->words_with) & ~options->words_without;
	if (lb_options_late(options)) {
		result = finish_late(options, err);
	} else if (!options->kernel[0] && !options->footprint) {
		lb_fail(err, "KERNEL: none was given, neither as a word nor in lifeboat.conf");
		return -1;
	}
	if (take_initrds(options, result == 0 ? err : NULL) != 0)
		result = -1;
	if (choose_second(options, result == 0 ? err : NULL) != 0)
		result = -1;
	if (!options->crashkernel[0] && take_crashkernel(options, result == 0 ? err : NULL) != 0)
		result = -1;
	return result;
}

// Keeps the kernel's own crashkernel=: it belongs to the kdump of that system.
int lb_options_unified(struct lb_options *options, struct lb_error *err)
{
	const char *lost = options->initrd_count ? "--initrd" : options->watchdog ? "--watchdog" : NULL;

	memcpy(options->chain, options->kernel, sizeof(options->chain));
	memcpy(options->chain_words, options->cmdline, sizeof(options->chain_words));
	options->kernel[0] = options->cmdline[0] = '\0';
	options->initrd_count = 0;
	options->watchdog = 0;
	if (options->crashkernel_taken)
		lb_snprintf(options->crashkernel, sizeof(options->crashkernel), "auto");
	if (lost)
		return lb_fail(err, "%s: wanted a bzImage as KERNEL, and %.120s is a unified kernel image",
			       lost, options->chain);
	return choose_second(options, err);
}
