// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl: Lifeboat on a machine, from its installation to a saved dump.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifeboat/version.h"
#include "tools/ctl/options.h"
#include "tools/ctl/status.h"

struct command {
	const char *name;
	int (*run)(const struct options *options);
};

static const struct command commands[] = {
	{"status", status_command},
};

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
	command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr, "lifeboatctl: %s: no such command; lifeboatctl --help lists them\n", argv[1]);
		return EXIT_BAD_USAGE;
	}
	if (options_take(&options, argc - 1, argv + 1) != 0)
		return EXIT_BAD_USAGE;
	return command->run(&options);
}
