// SPDX-License-Identifier: BSD-2-Clause
#include "tools/report/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "lifeboat/version.h"
#include "tools/common/bad_option.h"

static const char usage[] =
	"usage: lifeboat-report [OPTION]... VMCORE...\n"
	"\n"
	"Tells why a Linux died, from its dump alone: reason, signature, backtraces of every CPU, modules,\n"
	"memory, the end of its log. It needs no symbols of that kernel beside the dump.\n"
	"\n"
	"VMCORE  a dump of Linux 5.10 or later on x86-64, by Lifeboat, kdump or QEMU, of any format that\n"
	"        libkdumpfile reads. One that makedumpfile -F wrote is rearranged in TMPDIR (/var/tmp).\n"
	"        Several are grouped by signature and counted\n"
	"\n"
	"      --json       every report for programs\n"
	"      --signature  only the signature of each, and its file where there are several\n"
	"      --mask       without values of words that look like secrets, MAC and IP addresses, host name\n"
	"  -h, --help       this text\n"
	"      --version    the version\n"
	"\n"
	"exit status: 0 done, 1 some dump could not be read, 2 bad usage, or no dump that could be opened\n";

enum { OPTION_JSON = 256, OPTION_SIGNATURE, OPTION_MASK, OPTION_VERSION };

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},       {"signature", no_argument, NULL, OPTION_SIGNATURE},
	{"mask", no_argument, NULL, OPTION_MASK},       {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION}, {NULL, 0, NULL, 0},
};

static int bad_usage(const char *text)
{
	fprintf(stderr, "lifeboat-report: %s; --help lists the options\n", text);
	return -1;
}

int report_options_take(struct options *ret_options, int argc, char **argv)
{
	struct options options = {.count = 0};
	int option;

	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (option) {
		case OPTION_JSON:
			options.json = true;
			break;
		case OPTION_SIGNATURE:
			options.signature = true;
			break;
		case OPTION_MASK:
			options.mask = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case OPTION_VERSION:
			puts("lifeboat-report (Lifeboat) " LIFEBOAT_VERSION);
			exit(EXIT_SUCCESS);
		default:
			bad_option_say("lifeboat-report", "--help", long_options, option, argv);
			return -1;
		}
	}
	if (options.json && options.signature)
		return bad_usage("--json and --signature: one of them");
	if (optind >= argc)
		return bad_usage("VMCORE is wanted");
	options.files = argv + optind;
	options.count = (unsigned int)(argc - optind);
	*ret_options = options;
	return 0;
}
