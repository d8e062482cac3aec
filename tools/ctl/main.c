// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl: Lifeboat on a machine, from its installation to a saved dump.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifeboat/version.h"
#include "tools/common/end_output.h"
#include "tools/ctl/complete.h"
#include "tools/ctl/ends.h"
#include "tools/ctl/install.h"
#include "tools/ctl/keep.h"
#include "tools/ctl/options.h"
#include "tools/ctl/rearm.h"
#include "tools/ctl/remove.h"
#include "tools/ctl/status.h"
#include "tools/ctl/switch.h"
#include "tools/ctl/try.h"
#include "tools/report/command.h"
#include "tools/save/command.h"

// Those that have no options of the table are not here.
static int (*const commands[COMMAND_COUNT])(const struct options *options) = {
	[COMMAND_INSTALL] = install_command,
	[COMMAND_UPDATE] = update_command,
	[COMMAND_ROLLBACK] = rollback_command,
	[COMMAND_OFF] = off_command,
	[COMMAND_ON] = on_command,
	[COMMAND_STATUS] = status_command,
	[COMMAND_TEST] = try_command,
	[COMMAND_REARM] = rearm_command,
	[COMMAND_DISARM] = disarm_command,
	[COMMAND_REMOVE] = remove_command,
	[COMMAND_BOOT_START] = boot_start_command,
	[COMMAND_BOOT_COMPLETE] = boot_complete_command,
	[COMMAND_BOOT_STOP] = boot_stop_command,
	[COMMAND_SAVE_FAILED] = save_failed_command,
};

#define WORDS_MAX 64

// The words of another program, which has options of its own: its name, `first`, then those given.
static int pass_on(int (*run)(int argc, char **argv), char *const *first, int argc, char **argv)
{
	char *words[WORDS_MAX + 1] = {argv[0]};
	int count = 1;

	while (*first)
		words[count++] = *first++;
	if (argc > WORDS_MAX - count) {
		fprintf(stderr, "lifeboatctl: %s: %d words are more than are taken\n", argv[0], argc);
		return EXIT_BAD_USAGE;
	}
	for (int i = 1; i < argc; i++)
		words[count++] = argv[i];
	return run(count, words);
}

static int save(int argc, char **argv)
{
	static char disks[] = "auto", folder[] = "/var/crash";
	static char *const usual[] = {disks, folder, NULL}, *const none[] = {NULL};

	return pass_on(save_command, argc > 1 ? none : usual, argc, argv);
}

static int list(int argc, char **argv)
{
	static char option[] = "--list", disks[] = "auto";
	static char *const all[] = {option, disks, NULL}, *const one[] = {option, NULL};
	bool named = false;

	for (int i = 1; i < argc; i++)
		named = named || argv[i][0] != '-';
	return pass_on(save_command, named ? one : all, argc, argv);
}

static int fail_unknown(const char *name)
{
	const char *meant = command_suggest(name);

	if (meant)
		fprintf(stderr, "lifeboatctl: %s: no such command; did you mean %s?\n", name, meant);
	else
		fprintf(stderr, "lifeboatctl: %s: no such command; lifeboatctl --help lists them\n", name);
	return EXIT_BAD_USAGE;
}

static int run(enum command command, int argc, char **argv)
{
	struct options options;

	switch (command) {
	case COMMAND_SAVE:
		return save(argc, argv);
	case COMMAND_LIST:
		return list(argc, argv);
	case COMMAND_REPORT:
		return report_command(argc, argv);
	case COMMAND_COUNT:
		return fail_unknown(argv[0]);
	default:
		if (options_take(command, &options, argc, argv) != 0)
			return EXIT_BAD_USAGE;
		return end_output("lifeboatctl", commands[command](&options));
	}
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("lifeboatctl: a command is wanted; lifeboatctl --help lists them\n", stderr);
		return EXIT_BAD_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		option_help(COMMAND_COUNT);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("lifeboatctl (Lifeboat) " LIFEBOAT_VERSION);
		return EXIT_SUCCESS;
	}
	return run(command_find(argv[1]), argc - 1, argv + 1);
}
