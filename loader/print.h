// SPDX-License-Identifier: BSD-2-Clause
// Text for the firmware's console: UTF-8 in, the conversions of lib/format.h.
#ifndef LIFEBOAT_LOADER_PRINT_H
#define LIFEBOAT_LOADER_PRINT_H

#include <stdbool.h>

#include "loader/options/options.h"

#define LB_PRINTF __attribute__((format(printf, 1, 2)))

void lb_print_level(enum lb_verbosity level);
bool lb_print_enabled(enum lb_verbosity level);

void lb_print(const char *format, ...) LB_PRINTF; // unless quiet
void lb_print_verbose(const char *format, ...) LB_PRINTF; // with -v
void lb_print_answer(const char *format, ...) LB_PRINTF; // an answer to --help, --dry-run and the like

// All messages since the start, without answers, separated by '\n'. lb_print()'s lines are there when
// quiet, too. What does not fit is left out.
const char *lb_print_record(void);

// Printed always, as "lifeboat: warning: ..." and "lifeboat: error: ...", one line each; the line end is
// added.
void lb_print_warning(const char *format, ...) LB_PRINTF;
void lb_print_error(const char *format, ...) LB_PRINTF;

#endif
