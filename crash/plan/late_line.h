// SPDX-License-Identifier: BSD-2-Clause
// Late words: a Linux that is about to leave boot services gets another command line.
#ifndef LIFEBOAT_CRASH_PLAN_LATE_LINE_H
#define LIFEBOAT_CRASH_PLAN_LATE_LINE_H

#include "crash/plan/find_linux.h"

// Memory for the line, which the kernel reads; `first` and `made` are for the making.
struct lb_late_lines {
	char line[LB_LINE_BYTES];
	char first[LB_LINE_BYTES];
	char made[LB_LINE_BYTES];
};

// Makes lines->line of what was found and of `words` (panic_words.h), by lb_cmdline_late(). Fails when none
// was found or not all is clear, when a word of the line refuses, when the line would be too long, and
// when two of those found would not get the same line. None of the lines found is in *lines.
int lb_late_line_make(const struct lb_found_linuxes *found, uint32_t words, struct lb_late_lines *lines);

// Makes each of those found use the line at `line`.
void lb_late_line_give(const struct lb_found_linuxes *found, const char *line);

// Undoes that: for each that is still in one of `ranges`, and still uses that line. None is found then.
void lb_late_line_take_back(struct lb_found_linuxes *found, const char *line, const struct lb_range *ranges,
			    uint32_t count);

#endif
