// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifeboat/version.h"
#include "tools/common/bad_option.h"

static const char usage[] =
	"usage: lifeboat-save [OPTION]... DEVICE FILE|FOLDER\n"
	"       lifeboat-save --list [--json] | --verify | --mark-saved DEVICE\n"
	"       lifeboat-save [--log LOG] [--report REPORT] DEVICE\n"
	"       lifeboat-save --afterwards\n"
	"\n"
	"Saves the dump that Lifeboat's built-in capture kernel left on DEVICE, checks every digest\n"
	"on the way, marks it as saved, so that Lifeboat may use the partition again, and erases it there.\n"
	"\n"
	"DEVICE  a partition, a disk with partitions of Lifeboat's GPT type, an image of either, a file for\n"
	"        dumps; `file`: the one that lifeboatctl has reserved; or `auto`: every disk of this\n"
	"        machine, and that file\n"
	"FOLDER  a folder that is there. Every dump that waits on DEVICE gets a folder of its own in\n"
	"        it, lifeboat-TIME-ID, with vmcore, vmcore-dmesg.txt, report.txt and report.json. It has\n"
	"        that name when all are whole. What a try left behind that was cut off, the next one\n"
	"        clears away. A dump is saved only where 10 % of the file system and 1 GiB stay free,\n"
	"        else its log alone. An encrypted one has vmcore.age, vmcore-dmesg.txt.age and\n"
	"        report.txt.age instead\n"
	"FILE    the first dump that waits on DEVICE, and no other. It appears when it is whole; until\n"
	"        then it is FILE.part\n"
	"\n"
	"  -l, --list        only print what is there, and whether its digests are right\n"
	"      --json        the same for programs\n"
	"      --verify      only check: exit 0 when all digests are right\n"
	"      --log LOG     save the dead kernel's log here\n"
	"      --report REPORT  save the report here: text that tells why the kernel died\n"
	"      --identity FILE  decrypt an encrypted dump with the keys in FILE, as age-keygen writes it;\n"
	"                    without it log, report and dump stay age files. The machine that crashed\n"
	"                    needs no such file\n"
	"      --keep        do not mark it as saved: nothing is written to DEVICE\n"
	"      --mark-saved  only mark the first that waits as saved, and erase it: it is not wanted\n"
	"      --no-erase    leave a saved dump on its disk: else it is erased once its digests were\n"
	"                    right. A file for dumps then is not used again before it is erased\n"
	"      --afterwards  only do what follows a dump that was saved to /var/crash: tell the programs\n"
	"                    in /etc/lifeboat/saved.d, then remove what is too much by\n"
	"                    /etc/lifeboat/save.conf. Saving to /var/crash ends with that, too\n"
	"      --no-afterwards  leave that to a run of --afterwards\n"
	"  -f, --force       save once more what is saved, save in spite of a wrong digest or of too\n"
	"                    little room, replace files\n"
	"  -q, --quiet       say only what went wrong\n"
	"  -h, --help        this text\n"
	"      --version     the version\n"
	"\n"
	"A dump that was interrupted, or ended early, is saved as far as it goes: its header says\n"
	"\"incomplete\", the pages that are missing read as lost.\n"
	"\n"
	"exit status: 0 done, 1 something failed, 2 bad usage, or no such device, 3 nothing to save\n";

enum {
	OPTION_JSON = 256,
	OPTION_VERIFY,
	OPTION_LOG,
	OPTION_REPORT,
	OPTION_IDENTITY,
	OPTION_KEEP,
	OPTION_MARK,
	OPTION_NO_ERASE,
	OPTION_AFTERWARDS,
	OPTION_NO_AFTERWARDS,
	OPTION_VERSION
};

static const struct option long_options[] = {
	{"list", no_argument, NULL, 'l'},
	{"json", no_argument, NULL, OPTION_JSON},
	{"verify", no_argument, NULL, OPTION_VERIFY},
	{"log", required_argument, NULL, OPTION_LOG},
	{"report", required_argument, NULL, OPTION_REPORT},
	{"identity", required_argument, NULL, OPTION_IDENTITY},
	{"keep", no_argument, NULL, OPTION_KEEP},
	{"mark-saved", no_argument, NULL, OPTION_MARK},
	{"no-erase", no_argument, NULL, OPTION_NO_ERASE},
	{"afterwards", no_argument, NULL, OPTION_AFTERWARDS},
	{"no-afterwards", no_argument, NULL, OPTION_NO_AFTERWARDS},
	{"force", no_argument, NULL, 'f'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static int bad_usage(const char *text)
{
	fprintf(stderr, "lifeboat-save: %s; --help lists the options\n", text);
	return -1;
}

static bool are_same(const char *left, const char *right)
{
	return left && right && strcmp(left, right) == 0;
}

static int take_words(struct options *options, int count, char **words)
{
	const int modes = options->list + options->verify + options->mark;
	const bool texts = options->log || options->report, device_only = modes || texts;

	if (modes > 1)
		return bad_usage("--list, --verify and --mark-saved: one of them");
	if (options->json && !options->list)
		return bad_usage("--json is --list for programs: --list --json");
	if (modes && (texts || options->keep || options->identity))
		return bad_usage("--list, --verify and --mark-saved save nothing: no --log, no --report, "
				 "no --identity, no --keep");
	if (options->afterwards)
		return count || device_only || options->no_afterwards ? bad_usage("--afterwards stands alone")
								      : 0;
	if (count < 1)
		return bad_usage("DEVICE is wanted");
	if (count > 2 || (modes && count > 1))
		return bad_usage("too many words");
	if (count < 2 && !device_only)
		return bad_usage("FILE or FOLDER is wanted");
	options->device = words[0];
	options->file = count > 1 ? words[1] : NULL;
	if (are_same(options->file, options->log) || are_same(options->file, options->report) ||
	    are_same(options->log, options->report))
		return bad_usage("FILE, LOG and REPORT are three files");
	return 0;
}

int save_options_take(struct options *ret_options, int argc, char **argv)
{
	struct options options = {0};
	int option;

	while ((option = getopt_long(argc, argv, ":lfqh", long_options, NULL)) != -1) {
		switch (option) {
		case 'l':
			options.list = true;
			break;
		case OPTION_JSON:
			options.json = true;
			break;
		case OPTION_VERIFY:
			options.verify = true;
			break;
		case OPTION_LOG:
			options.log = optarg;
			break;
		case OPTION_REPORT:
			options.report = optarg;
			break;
		case OPTION_IDENTITY:
			options.identity = optarg;
			break;
		case OPTION_KEEP:
			options.keep = true;
			break;
		case OPTION_NO_ERASE:
			options.no_erase = true;
			break;
		case OPTION_AFTERWARDS:
			options.afterwards = true;
			break;
		case OPTION_NO_AFTERWARDS:
			options.no_afterwards = true;
			break;
		case OPTION_MARK:
			options.mark = true;
			break;
		case 'f':
			options.force = true;
			break;
		case 'q':
			options.quiet = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case OPTION_VERSION:
			puts("lifeboat-save (Lifeboat) " LIFEBOAT_VERSION);
			exit(EXIT_SUCCESS);
		default:
			bad_option_say("lifeboat-save", "--help", long_options, option, argv);
			return -1;
		}
	}
	if (take_words(&options, argc - optind, argv + optind) != 0)
		return -1;
	*ret_options = options;
	return 0;
}
