// SPDX-License-Identifier: BSD-2-Clause
// Signs of a crash in a kernel's log. An ordinary reboot with a warm reboot mode takes the
// same way as a panic; a log that can be read and shows none of these is such a one.
#ifndef LIFEBOAT_CRASH_DEAD_CRASH_SIGNS_H
#define LIFEBOAT_CRASH_DEAD_CRASH_SIGNS_H

#include <stdbool.h>
#include <stddef.h>

// What one piece of text leaves over for the next. Begins zeroed.
struct lb_crash_signs {
	char tail[64];
	size_t tail_bytes;
	bool found;
};

// The log's next piece; pieces may end anywhere.
void lb_crash_signs_add(struct lb_crash_signs *signs, const char *text, size_t bytes);

#endif
