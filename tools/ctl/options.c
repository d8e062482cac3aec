// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/number.h"
#include "lifeboat/dumpfile.h"

#define RESERVE_USUAL "64M"

static const char usage[] =
	"usage: lifeboatctl COMMAND [OPTION]...\n"
	"\n"
	"  install  puts Lifeboat in front of every boot: its program onto the ESP, and an entry for the\n"
	"           firmware or a file for systemd-boot\n"
	"  update   replaces the program by a newer one, where it is installed; where the next boot does "
	"not\n"
	"           come up with it, the one before it comes back; docs/boots.md\n"
	"  rollback puts back the program that the last update replaced\n"
	"  off      the kill switch: from the next boot on Lifeboat does nothing\n"
	"  on       ends that, and has the next boot be armed, whatever boots before it came to\n"
	"  status   whether a panic of the running system would be captured: exit status 0 yes, 1 no\n"
	"  list     the dumps on this machine's disks\n"
	"  save     saves them to /var/crash; docs/capture.md\n"
	"  report   tells why a kernel died, from its dump; lifeboat-report(1)\n"
	"  test     says how a try without a crash ended, or asks for one at the next boot\n"
	"  rearm    sets again what was changed since an armed boot and leads a panic elsewhere\n"
	"  disarm   has panics go round Lifeboat until the next boot, or rearm\n"
	"  remove   takes away what install brought\n"
	"\n"
	"      --root DIR           the system below DIR, as image builds have it; its firmware's variables "
	"are\n"
	"                           not touched, unless EFIVARFS_PATH says where they are\n"
	"      --esp DIR            where the ESP is mounted, below --root; default: /efi, /boot/efi or "
	"/boot\n"
	"      --from DIR           where lifeboat.efi and lifeboatx64.efi are; default: "
	"PREFIX/lib/lifeboat\n"
	"      --mode MODE          driver, sd-boot or chain (docs/options.md); default: auto\n"
	"      --no-variables       leaves the firmware's variables alone\n"
	"      --accept-tpm-change  goes on although a disk's key is bound to a PCR that changes\n"
	"      --sign KEY CERT      of install, update: signs the program for Secure Boot "
	"(docs/secure-boot.md)\n"
	"      --no-measure         of install: Lifeboat is to measure nothing into the TPM\n"
	"      --boot-order         of update: puts a chain's boot entry to the front again, and does no "
	"more\n"
	"      --recipient age1...  log, report and dump are encrypted to it (docs/encrypt.md); may be "
	"repeated\n"
	"      --reserve [SIZE]     of install: makes a file for dumps, where there is no partition; "
	"default: "
	"64M\n"
	"                           (docs/capture.md)\n"
	"      --dump-to FILE       where it goes: on the ESP, an ext4 or an XFS; default: /boot, else the "
	"ESP\n"
	"      --cleartext          a dump may lie on the disk in the clear although the root is encrypted\n"
	"  -n, --dry-run            prints what would be done, and does nothing\n"
	"      --json               of status: for programs; docs/status.schema.json\n"
	"      --metrics            of status: for Prometheus\n"
	"      --when-stale         of test: asks for a try where there is no verdict, or an old one\n"
	"      --report [FILE]      of test: what is known of Lifeboat on this machine, as JSON without "
	"serial\n"
	"                           numbers, UUIDs, names and addresses; docs/machines.md\n"
	"      --panic              of test: panics this machine, once \"panic\" is typed\n"
	"      --yes                the same without a question\n"
	"  -h, --help               this text\n"
	"      --version            the version\n"
	"\n"
	"boot-start, boot-complete, boot-stop and save-failed are for systemd's units.\n"
	"`lifeboatctl save --help`, `lifeboatctl report --help` list theirs.\n"
	"exit status: 0 done, 1 not, 2 bad usage\n";

enum {
	OPTION_ROOT = 256,
	OPTION_ESP,
	OPTION_FROM,
	OPTION_MODE,
	OPTION_NO_VARIABLES,
	OPTION_ACCEPT_TPM_CHANGE,
	OPTION_SIGN,
	OPTION_NO_MEASURE,
	OPTION_BOOT_ORDER,
	OPTION_RECIPIENT,
	OPTION_CLEARTEXT,
	OPTION_RESERVE,
	OPTION_DUMP_TO,
	OPTION_JSON,
	OPTION_METRICS,
	OPTION_WHEN_STALE,
	OPTION_REPORT,
	OPTION_PANIC,
	OPTION_YES,
};

static const struct option long_options[] = {
	{"root", required_argument, NULL, OPTION_ROOT},
	{"esp", required_argument, NULL, OPTION_ESP},
	{"from", required_argument, NULL, OPTION_FROM},
	{"mode", required_argument, NULL, OPTION_MODE},
	{"no-variables", no_argument, NULL, OPTION_NO_VARIABLES},
	{"accept-tpm-change", no_argument, NULL, OPTION_ACCEPT_TPM_CHANGE},
	{"no-measure", no_argument, NULL, OPTION_NO_MEASURE},
	{"sign", required_argument, NULL, OPTION_SIGN},
	{"boot-order", no_argument, NULL, OPTION_BOOT_ORDER},
	{"recipient", required_argument, NULL, OPTION_RECIPIENT},
	{"cleartext", no_argument, NULL, OPTION_CLEARTEXT},
	{"reserve", optional_argument, NULL, OPTION_RESERVE},
	{"dump-to", required_argument, NULL, OPTION_DUMP_TO},
	{"dry-run", no_argument, NULL, 'n'},
	{"json", no_argument, NULL, OPTION_JSON},
	{"metrics", no_argument, NULL, OPTION_METRICS},
	{"when-stale", no_argument, NULL, OPTION_WHEN_STALE},
	{"report", optional_argument, NULL, OPTION_REPORT},
	{"panic", no_argument, NULL, OPTION_PANIC},
	{"yes", no_argument, NULL, OPTION_YES},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char *const modes[] = {
	[MODE_AUTO] = "auto", [MODE_DRIVER] = "driver", [MODE_SD_BOOT] = "sd-boot", [MODE_CHAIN] = "chain"};

const char *mode_name(enum mode mode)
{
	return modes[mode];
}

void options_help(void)
{
	fputs(usage, stdout);
}

static int bad_usage(const char *command, const char *text)
{
	fprintf(stderr, "lifeboatctl: %s: %s; lifeboatctl --help lists commands and options\n", command,
		text);
	return -1;
}

static int take_mode(const char *command, const char *value, enum mode *ret_mode)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(value, modes[i]) == 0) {
			*ret_mode = (enum mode)i;
			return 0;
		}
	}
	fprintf(stderr, "lifeboatctl: %s: --mode %s: wanted auto, driver, sd-boot or chain\n", command,
		value);
	return -1;
}

// Two words: the second is the next one of argv.
static int take_sign(struct options *options, const char *command, int argc, char **argv)
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

// Whole blocks; false: it is no size, or no file's for dumps.
static bool parse_size(const char *text, uint64_t *ret_bytes)
{
	uint64_t bytes;

	if (lb_size_read(text, &text, &bytes) != 0 || *text)
		return false;
	*ret_bytes = bytes;
	return bytes >= LB_FILE_BYTES_MIN && bytes <= LB_FILE_BYTES_MAX && bytes % LB_DUMP_BLOCK == 0;
}

static int take_reserve(struct options *options, int argc, char **argv)
{
	if (!parse_size(take_optional(argc, argv, RESERVE_USUAL), &options->reserve))
		return bad_usage(argv[0], "--reserve: wanted 1M to 1024G, whole blocks of 4 KiB");
	return 0;
}

// The switch that an option without a value turns on; NULL: it is no such option.
static bool *find_switch(struct options *options, int option)
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
	case 'n':
		return &options->dry_run;
	default:
		return NULL;
	}
}

static int take_value(struct options *options, const char *command, int option)
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
	case OPTION_MODE:
		return take_mode(command, optarg, &options->mode);
	case OPTION_RECIPIENT:
		if (options->recipient_count == LB_MAX_RECIPIENTS)
			return bad_usage(command, "--recipient: more than 8 of them");
		options->recipients[options->recipient_count++] = optarg;
		return 0;
	case OPTION_DUMP_TO:
		options->reserve_at = optarg;
		return 0;
	default:
		return bad_usage(command, "that is not understood");
	}
}

static int take_option(struct options *options, int option, int argc, char **argv)
{
	bool *turned_on = find_switch(options, option);

	if (turned_on) {
		*turned_on = true;
		return 0;
	}
	switch (option) {
	case OPTION_SIGN:
		return take_sign(options, argv[0], argc, argv);
	case OPTION_RESERVE:
		return take_reserve(options, argc, argv);
	case OPTION_REPORT:
		take_report(options, argc, argv);
		return 0;
	case 'h':
		options_help();
		exit(EXIT_SUCCESS);
	default:
		return take_value(options, argv[0], option);
	}
}

static int judge(const struct options *options, int argc, char **argv)
{
	if (optind < argc)
		return bad_usage(argv[optind], "no such word is known here");
	if (options->reserve_at && !options->reserve)
		return bad_usage(argv[0], "--dump-to FILE needs --reserve");
	if ((options->panic || options->report) && strcmp(argv[0], "test") != 0)
		return bad_usage(argv[0], "--panic and --report go with test");
	if (options->panic && options->report)
		return bad_usage(argv[0], "--report is for the boot after --panic");
	if (options->yes && !options->panic)
		return bad_usage(argv[0], "--yes needs --panic");
	return 0;
}

int options_take(struct options *ret_options, int argc, char **argv)
{
	struct options options = {.root = "", .mode = MODE_AUTO};
	int option;

	while ((option = getopt_long(argc, argv, "hn", long_options, NULL)) != -1)
		if (take_option(&options, option, argc, argv) != 0)
			return -1;
	if (judge(&options, argc, argv) != 0)
		return -1;
	options.live = !options.no_variables && (!options.root[0] || getenv("EFIVARFS_PATH"));
	*ret_options = options;
	return 0;
}
