// SPDX-License-Identifier: BSD-2-Clause
// Why a kernel died, told by a line of its log: is it such a line, and which class of crash does it name.
#ifndef LIFEBOAT_CRASH_REPORT_REASON_H
#define LIFEBOAT_CRASH_REPORT_REASON_H

#include <stdbool.h>

#define LB_REASON_HUNG_TASK "hung-task" // a class

enum lb_reason_kind {
	LB_REASON_NONE,
	LB_REASON_WARNING, // counts only where the panic says that a warning was its cause
	LB_REASON_CAUSE, // says what happened
	LB_REASON_FOLLOWS, // only says that what was said before is fatal
};

// `message`: one line of the log without its time and caller, NUL-terminated.
enum lb_reason_kind lb_reason_kind(const char *message);

// A warning is what this panic's cause is.
bool lb_reason_is_of_warning(const char *message);

// One word of small letters and '-', out of a table: "sysrq", "null-pointer", ...; "panic" for any
// other panic, "unknown" for what is no reason.
const char *lb_reason_class(const char *message);

#endif
