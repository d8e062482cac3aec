// SPDX-License-Identifier: BSD-2-Clause
// Whether a kernel's log ends in an ordinary reboot. In a warm reboot mode such a reboot reaches Lifeboat as
// a panic does. A log that shows neither a crash nor a reboot is that of a crash whose lines were pushed out.
#ifndef LIFEBOAT_CRASH_DEAD_CRASH_SIGNS_H
#define LIFEBOAT_CRASH_DEAD_CRASH_SIGNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The most lines from the one that tells of a reboot to the log's end. Drivers may add lines behind that one.
#define LB_CRASH_SIGNS_LAST_LINES 16U

enum lb_crash_verdict {
	LB_CRASH_NO_SIGN, // neither a crash nor a reboot
	LB_CRASH_SIGN, // a sign of a crash, and the log does not end in a reboot
	LB_CRASH_REBOOT, // one of the last lines tells of a reboot, and no sign of a crash is behind it
};

// The state that one piece of text leaves for the next. Begins zeroed.
struct lb_crash_signs {
	char line[160]; // the line that has not ended yet; no sign lies farther in a line
	size_t bytes;
	bool crash, reboot; // a line had such a sign; `reboot`: and no later line had a crash's
	uint32_t lines; // lines from the last one that tells of a reboot
};

// Takes the log's next piece: lines as lb_dmesg_read() gives them. A piece may end anywhere.
void lb_crash_signs_add(struct lb_crash_signs *signs, const char *text, size_t bytes);
// Judges, after the last piece.
enum lb_crash_verdict lb_crash_signs_judge(struct lb_crash_signs *signs);

#endif
