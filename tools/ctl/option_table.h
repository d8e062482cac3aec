// SPDX-License-Identifier: BSD-2-Clause
// The sub-commands of lifeboatctl and their options, each once: what is taken, and what --help prints.
#ifndef LIFEBOAT_TOOLS_CTL_OPTION_TABLE_H
#define LIFEBOAT_TOOLS_CTL_OPTION_TABLE_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

enum command {
	COMMAND_INSTALL,
	COMMAND_UPDATE,
	COMMAND_ROLLBACK,
	COMMAND_OFF,
	COMMAND_ON,
	COMMAND_STATUS,
	COMMAND_LIST, // this one and the next two have options of their own, and none of the table's
	COMMAND_SAVE,
	COMMAND_REPORT,
	COMMAND_TEST,
	COMMAND_REARM,
	COMMAND_DISARM,
	COMMAND_REMOVE,
	COMMAND_BOOT_START, // from here on those of the units in tools/ctl/units/
	COMMAND_BOOT_COMPLETE,
	COMMAND_BOOT_STOP,
	COMMAND_SAVE_FAILED,
	COMMAND_COUNT
};

enum option_index {
	OPTION_ROOT,
	OPTION_ESP,
	OPTION_FROM,
	OPTION_MODE,
	OPTION_NO_VARIABLES,
	OPTION_ACCEPT_TPM_CHANGE,
	OPTION_SIGN,
	OPTION_NO_MEASURE,
	OPTION_BOOT_ORDER,
	OPTION_RECIPIENT,
	OPTION_RESERVE,
	OPTION_DUMP_TO,
	OPTION_CLEARTEXT,
	OPTION_DRY_RUN,
	OPTION_JSON,
	OPTION_METRICS,
	OPTION_WHEN_STALE,
	OPTION_REPORT,
	OPTION_PANIC,
	OPTION_YES,
	OPTION_HELP,
	OPTION_COUNT
};

// What getopt_long() returns for an option, by its place in the table; for one with a letter the letter.
#define OPTION_VALUE 256

const char *command_name(enum command command);
// COMMAND_COUNT: there is none of that name.
enum command command_find(const char *name);
// The name that is nearest to a wrong one; NULL: none is near.
const char *command_suggest(const char *name);

const char *option_name(enum option_index option);
bool option_goes_with(enum option_index option, enum command command);
// The table's option of a value that getopt_long() returned; OPTION_COUNT: of none.
enum option_index option_of_value(int value);
// For getopt_long(): those that `command` takes, of COMMAND_COUNT all of them.
void option_list(enum command command, struct option ret_list[OPTION_COUNT + 1]);
// The sub-commands that take an option, those of units left out: "install, update".
const char *option_commands(enum option_index option, char *text, size_t bytes);

// Prints the help of a sub-command; of COMMAND_COUNT that of all.
void option_help(enum command command);

#endif
