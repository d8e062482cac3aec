// SPDX-License-Identifier: BSD-2-Clause
// What a kernel's taint flags mean (Documentation/admin-guide/tainted-kernels.rst).
#ifndef LIFEBOAT_CRASH_REPORT_TAINT_H
#define LIFEBOAT_CRASH_REPORT_TAINT_H

#include <stdbool.h>
#include <stdint.h>

// Writes a text like "PO (proprietary module, out-of-tree module)". Without flags it is "no". A flag that the
// table does not know is '?'. Returns `text`, cut to `bytes` with its NUL; 512 bytes hold all flags.
char *lb_taint_text(uint64_t flags, char *text, uint32_t bytes);

// Reads the flags from a line of the log with "Tainted: G        W  O " or "Not tainted". False: the line has
// neither.
bool lb_taint_read(const char *message, uint64_t *ret_flags);

#endif
