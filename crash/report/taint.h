// SPDX-License-Identifier: BSD-2-Clause
// What a kernel's taint flags mean (Documentation/admin-guide/tainted-kernels.rst).
#ifndef LIFEBOAT_CRASH_REPORT_TAINT_H
#define LIFEBOAT_CRASH_REPORT_TAINT_H

#include <stdbool.h>
#include <stdint.h>

// "PO (proprietary module, out-of-tree module)"; "no" for none, '?' for a flag that the table does not
// know. Returns `text`, cut to `bytes` with its NUL; 512 hold all flags.
char *lb_taint_text(uint64_t flags, char *text, uint32_t bytes);

// The flags out of a line of the log with "Tainted: G        W  O " or "Not tainted". False: it has
// neither.
bool lb_taint_read(const char *message, uint64_t *ret_flags);

#endif
