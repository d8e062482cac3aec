// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/dump_options.h"

#include "lib/mem.h"
#include "lifeboat/dumpdisk.h"
#include "loader/options/path.h"
#include "loader/options/values.h"

#define LEVEL_MAX 31 // all of makedumpfile's -d bits
#define BY_UUID "PARTUUID="

const char lb_dump_options_help[] =
	"The second kernel is the one inside lifeboat.efi, which writes the dump itself,\n"
	"with --capture builtin, or without --capture, --capture-initrd, --capture-args.\n"
	"\n"
	"  --dump-to WHERE         PARTLABEL=NAME, PARTUUID=UUID, auto: the first of the\n"
	"                          type below, file: lifeboatctl's, or a map's path; may\n"
	"                          be repeated, in this order; default: auto, then file\n"
	"  --dump-format WHAT      zstd (default), zlib or raw: kdump-compressed;\n"
	"                          elf: an ELF core of all RAM\n"
	"  --dump-level BITS       pages to leave out: 0 to 31 (default), the bits of\n"
	"                          makedumpfile's -d\n"
	"  --dump-overwrite        even over a dump that nobody has saved\n"
	"  --dump-encrypt age1...  log, report and dump are age files for this recipient\n"
	"                          and nothing of them is shown; may be repeated\n"
	"  --mask-report           secrets, addresses and the host name are left out of\n"
	"                          the report, not out of log and dump\n"
	"  --capture-cpus N        CPUs that compress (default: all, up to 64)\n"
	"  --on-captured WHAT      reset (default), poweroff or halt, after the dump\n"
	"  --screen WHAT           auto (default), always or never: show the report\n"
	"  --selftest              do not boot KERNEL: reset into the capture kernel,\n"
	"                          which tries target and memory, leaves a verdict and\n"
	"                          resets; in lifeboat.conf until there is a verdict\n"
	"\n"
	"Only a partition of the type " LB_DUMP_TYPE_TEXT ", one\n"
	"that has had a dump of Lifeboat's, or such a file, is ever written to.\n";

const struct lb_option_word lb_dump_words[LB_DUMP_OPTION_COUNT] = {
	[LB_DUMP_OPTION_TO] = {"dump-to", "PARTLABEL=NAME, PARTUUID=UUID, auto, file or \\DIR\\FILE"},
	[LB_DUMP_OPTION_FORMAT] = {"dump-format", "zstd, zlib, raw or elf"},
	[LB_DUMP_OPTION_LEVEL] = {"dump-level", "a number from 0 to 31"},
	[LB_DUMP_OPTION_OVERWRITE] = {"dump-overwrite", NULL},
	[LB_DUMP_OPTION_ENCRYPT] = {"dump-encrypt", "a recipient, age1..."},
	[LB_DUMP_OPTION_CPUS] = {"capture-cpus", "a number from 1 to 64"},
	[LB_DUMP_OPTION_ON_CAPTURED] = {"on-captured", "reset, poweroff or halt"},
	[LB_DUMP_OPTION_SELFTEST] = {"selftest", NULL},
	[LB_DUMP_OPTION_MASK_REPORT] = {"mask-report", NULL},
	[LB_DUMP_OPTION_SCREEN] = {"screen", "auto, always or never"},
};

static const char *const formats[] = {
	[LB_DUMP_ZSTD] = "zstd", [LB_DUMP_ZLIB] = "zlib", [LB_DUMP_RAW] = "raw", [LB_DUMP_ELF] = "elf"};
static const char *const ends[] = {
	[LB_CAPTURE_RESET] = "reset", [LB_CAPTURE_POWEROFF] = "poweroff", [LB_CAPTURE_HALT] = "halt"};

static const char *const screens[] = {
	[LB_SCREEN_AUTO] = "auto", [LB_SCREEN_ALWAYS] = "always", [LB_SCREEN_NEVER] = "never"};

const char *lb_dump_format_name(enum lb_dump_format format)
{
	return formats[format];
}

const char *lb_capture_end_name(enum lb_capture_end end)
{
	return ends[end];
}

const char *lb_screen_policy_name(enum lb_screen_policy policy)
{
	return screens[policy];
}

void lb_dump_options_init(struct lb_dump_options *options)
{
	memset(options, 0, sizeof(*options)); // auto; zstd; reset
	options->level = LEVEL_MAX;
}

static int fail_wanted(enum lb_dump_option option, const char *shown, const char *value, struct lb_error *err)
{
	return lb_value_refuse(shown, value, lb_dump_words[option].wants, err);
}

static bool is_path(const char *value)
{
	return value[0] == '\\' || value[0] == '/' || lb_path_behind_volume(value);
}

const char *lb_dump_to_map(const struct lb_dump_to *to)
{
	return lb_strcmp(to->word, LB_DUMP_FILE_WORD) == 0 ? LB_DUMP_FILE_MAP : to->word;
}

static int add_target(struct lb_dump_options *options, const char *shown, const char *value,
		      struct lb_error *err)
{
	const size_t label_at = sizeof(LB_DUMP_BY_LABEL_WORD) - 1, uuid_at = sizeof(BY_UUID) - 1;
	struct lb_dump_to *to;

	if (!options->to_begun)
		options->to_count = 0;
	options->to_begun = true;
	if (options->to_count == LB_MAX_TARGETS)
		return lb_fail(err, "%s: %.60s: more than %d of them", shown, value, LB_MAX_TARGETS);
	to = &options->to[options->to_count];
	memset(to, 0, sizeof(*to));
	if (lb_snprintf(to->word, sizeof(to->word), "%s", value) >= sizeof(to->word))
		return lb_fail(err, "%s: \"%.40s...\" is longer than any name or path", shown, value);
	if (lb_strncmp(value, LB_DUMP_BY_LABEL_WORD, label_at) == 0 && value[label_at])
		to->by = LB_DUMP_BY_LABEL;
	else if (lb_strncmp(value, BY_UUID, uuid_at) == 0 && lb_uuid_parse(value + uuid_at, to->uuid))
		to->by = LB_DUMP_BY_UUID;
	else if (lb_strcmp(value, LB_DUMP_FILE_WORD) == 0 || is_path(value))
		to->by = LB_DUMP_BY_FILE;
	else if (lb_strcmp(value, "auto") != 0)
		return fail_wanted(LB_DUMP_OPTION_TO, shown, value, err);
	options->to_count++;
	return 0;
}

static int add_recipient(struct lb_dump_options *options, const char *shown, const char *value,
			 struct lb_error *err)
{
	struct lb_recipients *recipients = &options->recipients;
	struct lb_error why;

	if (!options->recipients_begun)
		recipients->count = 0;
	options->recipients_begun = true;
	if (recipients->count == LB_MAX_RECIPIENTS)
		return lb_fail(err, "%s: more than %d of them", shown, LB_MAX_RECIPIENTS);
	if (lb_recipient_parse(value, lb_strlen(value), &recipients->list[recipients->count], &why) != 0)
		return lb_fail(err, "%s: %s", shown, why.text);
	recipients->count++;
	return 0;
}

int lb_dump_options_set(struct lb_dump_options *options, enum lb_dump_option option, const char *shown,
			const char *value, struct lb_error *err)
{
	uint32_t index;

	if (!options->first_word)
		options->first_word = lb_dump_words[option].name;
	switch (option) {
	case LB_DUMP_OPTION_TO:
		return add_target(options, shown, value, err);
	case LB_DUMP_OPTION_FORMAT:
		if (!lb_value_name(value, formats, sizeof(formats) / sizeof(formats[0]), &index))
			return fail_wanted(option, shown, value, err);
		options->format = (enum lb_dump_format)index;
		return 0;
	case LB_DUMP_OPTION_LEVEL:
		if (!lb_value_number(value, 0, LEVEL_MAX, &options->level))
			return fail_wanted(option, shown, value, err);
		return 0;
	case LB_DUMP_OPTION_CPUS:
		if (!lb_value_number(value, 1, LB_MAX_CAPTURE_CPUS, &options->cpus))
			return fail_wanted(option, shown, value, err);
		return 0;
	case LB_DUMP_OPTION_ON_CAPTURED:
		if (!lb_value_name(value, ends, sizeof(ends) / sizeof(ends[0]), &index))
			return fail_wanted(option, shown, value, err);
		options->end = (enum lb_capture_end)index;
		return 0;
	case LB_DUMP_OPTION_ENCRYPT:
		return add_recipient(options, shown, value, err);
	case LB_DUMP_OPTION_SCREEN:
		if (!lb_value_name(value, screens, sizeof(screens) / sizeof(screens[0]), &index))
			return fail_wanted(option, shown, value, err);
		options->screen = (enum lb_screen_policy)index;
		return 0;
	case LB_DUMP_OPTION_OVERWRITE:
		options->overwrite = true;
		return 0;
	case LB_DUMP_OPTION_SELFTEST:
		options->selftest = true;
		options->selftest_once = false;
		return 0;
	case LB_DUMP_OPTION_MASK_REPORT:
		options->mask_report = true;
		return 0;
	case LB_DUMP_OPTION_COUNT:
		break;
	}
	return -1;
}

enum lb_boot lb_dump_options_boot(const struct lb_dump_options *options, bool possible, uint32_t verdict)
{
	if (!options->selftest)
		return LB_BOOT_KERNEL;
	if (!options->selftest_once)
		return possible ? LB_BOOT_SELFTEST : LB_BOOT_NOTHING;
	return possible && verdict == LB_SELFTEST_NONE ? LB_BOOT_SELFTEST : LB_BOOT_KERNEL;
}
