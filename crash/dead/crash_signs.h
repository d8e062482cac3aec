// SPDX-License-Identifier: BSD-2-Clause
// How a kernel's log ends: in an ordinary reboot, or not. With a warm reboot mode such a reboot
// takes the same way as a panic. A log that shows neither is a crash whose own lines were pushed
// out of it.
#ifndef LIFEBOAT_CRASH_DEAD_CRASH_SIGNS_H
#define LIFEBOAT_CRASH_DEAD_CRASH_SIGNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The line that tells of a reboot and the lines behind it, counted together: drivers may have a last word.
#define LB_CRASH_SIGNS_LAST_LINES 16U

enum lb_crash_verdict {
	LB_CRASH_NO_SIGN, // neither a crash nor a reboot
	LB_CRASH_SIGN, // a sign of a crash, and the log does not end in a reboot
	LB_CRASH_REBOOT, // one of the last lines tells of a reboot, and no sign of a crash is behind it
};

// The state that one piece of text leaves for the next. Begins zeroed.
struct lb_crash_signs {
	char line[160]; // the line that is not at its end yet; no sign lies farther in one
	size_t bytes;
	bool crash, reboot; // a line had a sign; of a reboot: and none behind it was of a crash
	uint32_t lines; // from the last line on that tells of a reboot
};

// The log's next piece, lines as lb_dmesg_read() gives them; pieces may end anywhere.
void lb_crash_signs_add(struct lb_crash_signs *signs, const char *text, size_t bytes);
// After the last piece.
enum lb_crash_verdict lb_crash_signs_judge(struct lb_crash_signs *signs);

#endif
