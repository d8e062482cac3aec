// SPDX-License-Identifier: BSD-2-Clause
// Late words: a Linux that is about to leave boot services gets another command line.
#ifndef LIFEBOAT_CRASH_PLAN_LATE_LINE_H
#define LIFEBOAT_CRASH_PLAN_LATE_LINE_H

#include "crash/plan/find_linux.h"

// Memory for lb_late_line_make(). The kernel reads `line`; `first` and `made` are work areas.
struct lb_late_lines {
	char line[LB_LINE_BYTES];
	char first[LB_LINE_BYTES];
	char made[LB_LINE_BYTES];
};

// Makes lines->line of the found Linux's line and of `words` (panic_words.h), by lb_cmdline_late(). Fails
// when no Linux was found, when `found` is unclear, when lb_cmdline_late() refuses a word, when the line
// would be too long, and when two Linuxes would not get the same line. No found line may lie in *lines.
int lb_late_line_make(const struct lb_found_linuxes *found, uint32_t words, struct lb_late_lines *lines);

// Makes each found Linux use the line at `line`.
void lb_late_line_give(const struct lb_found_linuxes *found, const char *line);

// Undoes lb_late_line_give() for each found Linux that still lies in one of `ranges` and still uses `line`.
// Afterwards `found` is empty.
void lb_late_line_take_back(struct lb_found_linuxes *found, const char *line, const struct lb_range *ranges,
			    uint32_t count);

#endif
