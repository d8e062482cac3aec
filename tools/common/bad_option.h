// SPDX-License-Identifier: BSD-2-Clause
// Reports an option that getopt_long() does not understand: under the program's name, with the option that
// was meant.
#ifndef LIFEBOAT_TOOLS_COMMON_BAD_OPTION_H
#define LIFEBOAT_TOOLS_COMMON_BAD_OPTION_H

#include <getopt.h>

// Call right after getopt_long() returned '?' or ':'; prints to stderr. The caller's short options begin
// with ':', which keeps getopt_long() silent. Its long ones have values from 256 on, or the letter of the
// short one. `who` stands before the colon: "lifeboat-save"; `help` is the option that prints the options:
// "--help".
void bad_option_say(const char *who, const char *help, const struct option *options, int found,
		    char *const *argv);

#endif
