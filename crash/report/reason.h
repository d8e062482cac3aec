// SPDX-License-Identifier: BSD-2-Clause
// Judges a line of a kernel's log: does the line say why the kernel died, and which class of crash does it
// name?
#ifndef LIFEBOAT_CRASH_REPORT_REASON_H
#define LIFEBOAT_CRASH_REPORT_REASON_H

#include <stdbool.h>

#define LB_REASON_HUNG_TASK "hung-task" // a class

enum lb_reason_kind {
	LB_REASON_NONE,
	LB_REASON_WARNING, // counts only if the panic says that a warning caused it
	LB_REASON_CAUSE, // says what happened
	LB_REASON_FOLLOWS, // says only that something said before is fatal
};

// `message` is one line of the log without its time and caller, NUL-terminated.
enum lb_reason_kind lb_reason_kind(const char *message);

// Returns true for a panic that a warning caused (panic_on_warn).
bool lb_reason_is_of_warning(const char *message);

// Returns the class, one word of small letters and '-' from a table: "sysrq", "null-pointer", ... . Any other
// panic is "panic". What is no reason is "unknown".
const char *lb_reason_class(const char *message);

#endif
