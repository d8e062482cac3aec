// SPDX-License-Identifier: BSD-2-Clause
// The words of lifeboat-save's command line.
#ifndef LIFEBOAT_TOOLS_SAVE_OPTIONS_H
#define LIFEBOAT_TOOLS_SAVE_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *device; // a path, or SCAN_AUTO
	const char *file, *log, *report, *identity; // NULL: not given
	bool list, json, verify, mark, keep, force, quiet, no_erase, afterwards, no_afterwards;
};

// Prints the help or the version, and exits, where it is asked to. Fails, having said why, where the
// words are not understood.
int save_options_take(struct options *ret_options, int argc, char **argv);

#endif
