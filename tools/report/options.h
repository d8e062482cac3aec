// SPDX-License-Identifier: BSD-2-Clause
// The words of lifeboat-report's command line.
#ifndef LIFEBOAT_TOOLS_REPORT_OPTIONS_H
#define LIFEBOAT_TOOLS_REPORT_OPTIONS_H

#include <stdbool.h>

struct options {
	char *const *files;
	unsigned int count; // one or more
	bool json, signature, mask;
};

// Prints the help or the version, and exits, where it is asked to. Fails, having said why, where the
// words are not understood.
int report_options_take(struct options *ret_options, int argc, char **argv);

#endif
