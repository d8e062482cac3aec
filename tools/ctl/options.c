// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/crypt/recipient.h"
#include "lib/number.h"
#include "lifeboat/dumpfile.h"
#include "tools/common/bad_option.h"

#define RESERVE_USUAL "64M"

static const char *const modes[] = {
	[MODE_AUTO] = "auto", [MODE_DRIVER] = "driver", [MODE_SD_BOOT] = "sd-boot", [MODE_CHAIN] = "chain"};

const char *mode_name(enum mode mode)
{
	return modes[mode];
}

static int bad_usage(enum command command, const char *text)
{
	fprintf(stderr, "lifeboatctl: %s: %s; lifeboatctl %s --help lists its options\n",
		command_name(command), text, command_name(command));
	return -1;
}

static int take_mode(enum command command, const char *value, enum mode *ret_mode)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(value, modes[i]) == 0) {
			*ret_mode = (enum mode)i;
			return 0;
		}
	}
	fprintf(stderr, "lifeboatctl: %s: --mode %s: wanted auto, driver, sd-boot or chain\n",
		command_name(command), value);
	return -1;
}

// Takes two words: optarg and the next one of argv.
static int take_sign(struct options *options, enum command command, int argc, char **argv)
{
	if (optind >= argc || argv[optind][0] == '-')
		return bad_usage(command, "--sign: wanted two files, KEY and CERT");
	options->sign_key = optarg;
	options->sign_certificate = argv[optind++];
	return 0;
}

// Of an option whose value may be left out: "--option=VALUE", or the next word unless it is an option.
static const char *take_optional(int argc, char **argv, const char *usual)
{
	if (optarg)
		return optarg;
	return optind < argc && argv[optind][0] != '-' ? argv[optind++] : usual;
}

// The option's file is the next word, unless that is an option.
static void take_report(struct options *options, int argc, char **argv)
{
	options->report = true;
	options->report_to = take_optional(argc, argv, options->report_to);
}

// Reads a size in whole blocks. False: it is not a size, or not one of a file for dumps.
static bool parse_size(const char *text, uint64_t *ret_bytes)
{
	uint64_t bytes;

	if (lb_size_read(text, &text, &bytes) != 0 || *text)
		return false;
	*ret_bytes = bytes;
	return bytes >= LB_FILE_BYTES_MIN && bytes <= LB_FILE_BYTES_MAX && bytes % LB_DUMP_BLOCK == 0;
}

static int take_reserve(struct options *options, enum command command, int argc, char **argv)
{
	if (!parse_size(take_optional(argc, argv, RESERVE_USUAL), &options->reserve))
		return bad_usage(command, "--reserve: wanted 1M to 1024G, whole blocks of 4 KiB");
	return 0;
}

static int take_recipient(struct options *options, enum command command, const char *value)
{
	struct lb_recipient ignored;
	struct lb_error err;

	if (options->recipient_count == LB_MAX_RECIPIENTS)
		return bad_usage(command, "--recipient: more than 8 of them");
	if (lb_recipient_parse(value, strlen(value), &ignored, &err) != 0) {
		fprintf(stderr, "lifeboatctl: %s: --recipient: %s\n", command_name(command), err.text);
		return -1;
	}
	options->recipients[options->recipient_count++] = value;
	return 0;
}

// The switch that an option without a value turns on; NULL: it is no such option.
static bool *find_switch(struct options *options, enum option_index option)
{
	switch (option) {
	case OPTION_NO_VARIABLES:
		return &options->no_variables;
	case OPTION_ACCEPT_TPM_CHANGE:
		return &options->accept_tpm_change;
	case OPTION_NO_MEASURE:
		return &options->no_measure;
	case OPTION_BOOT_ORDER:
		return &options->boot_order;
	case OPTION_CLEARTEXT:
		return &options->cleartext;
	case OPTION_JSON:
		return &options->json;
	case OPTION_METRICS:
		return &options->metrics;
	case OPTION_WHEN_STALE:
		return &options->when_stale;
	case OPTION_PANIC:
		return &options->panic;
	case OPTION_YES:
		return &options->yes;
	case OPTION_DRY_RUN:
		return &options->dry_run;
	default:
		return NULL;
	}
}

// Of an option whose value is one word, optarg.
static int take_value(struct options *options, enum command command, enum option_index option)
{
	switch (option) {
	case OPTION_ROOT:
		options->root = strcmp(optarg, "/") != 0 ? optarg : "";
		return 0;
	case OPTION_ESP:
		options->esp = optarg;
		return 0;
	case OPTION_FROM:
		options->from = optarg;
		return 0;
	case OPTION_DUMP_TO:
		options->reserve_at = optarg;
		return 0;
	case OPTION_RECIPIENT:
		return take_recipient(options, command, optarg);
	case OPTION_MODE:
	default:
		return take_mode(command, optarg, &options->mode);
	}
}

static int take_option(struct options *options, enum command command, enum option_index option, int argc,
		       char **argv)
{
	bool *turned_on = find_switch(options, option);

	if (turned_on) {
		*turned_on = true;
		return 0;
	}
	switch (option) {
	case OPTION_SIGN:
		return take_sign(options, command, argc, argv);
	case OPTION_RESERVE:
		return take_reserve(options, command, argc, argv);
	case OPTION_REPORT:
		take_report(options, argc, argv);
		return 0;
	case OPTION_HELP:
		option_help(command);
		exit(EXIT_SUCCESS);
	default:
		return take_value(options, command, option);
	}
}

// Refuses an option that the sub-command would ignore.
static int refuse_foreign(enum command command, enum option_index option)
{
	char others[128];

	fprintf(stderr, "lifeboatctl: %s: --%s: an option of %s; lifeboatctl %s --help lists its own\n",
		command_name(command), option_name(option), option_commands(option, others, sizeof(others)),
		command_name(command));
	return -1;
}

static int refuse_unknown(enum command command, int found, char *const *argv)
{
	struct option own[OPTION_COUNT + 1];
	char who[64], help[64];

	option_list(command, own);
	snprintf(who, sizeof(who), "lifeboatctl: %s", command_name(command));
	snprintf(help, sizeof(help), "lifeboatctl %s --help", command_name(command));
	bad_option_say(who, help, own, found, argv);
	return -1;
}

// `found` is what getopt_long() returned; where it found fault, the option is in optopt, or none is.
static int take_found(struct options *options, enum command command, int found, int argc, char **argv)
{
	const bool wrong = found == '?' || found == ':';
	const enum option_index option = option_of_value(wrong ? optopt : found);

	if (option != OPTION_COUNT && !option_goes_with(option, command))
		return refuse_foreign(command, option);
	if (wrong)
		return refuse_unknown(command, found, argv);
	return take_option(options, command, option, argc, argv);
}

// Refuses options of which only one would count.
static int judge_test(const struct options *options)
{
	if (options->panic && options->report)
		return bad_usage(COMMAND_TEST, "--report is for the boot after --panic");
	if (options->when_stale && (options->panic || options->report))
		return bad_usage(COMMAND_TEST, "--when-stale, --panic and --report: one of them");
	if (options->yes && !options->panic)
		return bad_usage(COMMAND_TEST, "--yes needs --panic");
	return 0;
}

static int judge(const struct options *options, enum command command)
{
	if (options->reserve_at && !options->reserve)
		return bad_usage(command, "--dump-to FILE needs --reserve");
	if (options->json && options->metrics)
		return bad_usage(command, "--json and --metrics: one of them");
	if (options->boot_order && (options->from || options->sign_key))
		return bad_usage(command, "--boot-order writes no file: no --from, no --sign");
	return judge_test(options);
}

int options_take(enum command command, struct options *ret_options, int argc, char **argv)
{
	struct options options = {.root = "", .mode = MODE_AUTO};
	struct option all[OPTION_COUNT + 1];
	int found;

	// All of them: one of another sub-command is told, not misread.
	option_list(COMMAND_COUNT, all);
	while ((found = getopt_long(argc, argv, ":hn", all, NULL)) != -1)
		if (take_found(&options, command, found, argc, argv) != 0)
			return -1;
	if (optind < argc) {
		fprintf(stderr,
			"lifeboatctl: %s: %s: no such word is known here; lifeboatctl %s --help lists its "
			"options\n",
			command_name(command), argv[optind], command_name(command));
		return -1;
	}
	if (judge(&options, command) != 0)
		return -1;
	options.live = !options.no_variables && (!options.root[0] || getenv("EFIVARFS_PATH"));
	*ret_options = options;
	return 0;
}
