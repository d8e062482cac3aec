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

struct command {
	const char *name;
	int (*run)(const struct options *options);
};

static const struct command commands[] = {
	{"install", install_command},
	{"update", update_command},
	{"status", status_command},
	{"test", try_command},
	{"rearm", rearm_command},
	{"disarm", disarm_command},
	{"remove", remove_command},
	{"rollback", rollback_command},
	{"off", off_command},
	{"on", on_command},
	// Of the units in tools/ctl/units/.
	{"boot-start", boot_start_command},
	{"boot-complete", boot_complete_command},
	{"boot-stop", boot_stop_command},
	{"save-failed", save_failed_command},
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

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *command;
	struct options options;

	if (argc < 2) {
		fputs("lifeboatctl: a command is wanted; lifeboatctl --help lists them\n", stderr);
		return EXIT_BAD_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		options_help();
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("lifeboatctl (Lifeboat) " LIFEBOAT_VERSION);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "save") == 0)
		return save(argc - 1, argv + 1);
	if (strcmp(argv[1], "list") == 0)
		return list(argc - 1, argv + 1);
	if (strcmp(argv[1], "report") == 0)
		return report_command(argc - 1, argv + 1);
	command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr, "lifeboatctl: %s: no such command; lifeboatctl --help lists them\n", argv[1]);
		return EXIT_BAD_USAGE;
	}
	if (options_take(&options, argc - 1, argv + 1) != 0)
		return EXIT_BAD_USAGE;
	return end_output("lifeboatctl", command->run(&options));
}
