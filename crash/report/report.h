// SPDX-License-Identifier: BSD-2-Clause
// The report: a text that tells why a kernel died. The capture kernel writes it after the panic.
// `lifeboat-report` writes it from any dump.
//
// A program can read the report, whatever the dead kernel put into it. Its form:
//
//   key: value       in the first column; the head, one line each. A key may come again (reason).
//
//   section: note    in the first column, after an empty line; the note says how much there is, or
//     line           why there is nothing. Lines of a section begin with two blanks.
//
// All of it is printable ASCII and line feeds. Keys, sections and their lines are in docs/report.md.
#ifndef LIFEBOAT_CRASH_REPORT_REPORT_H
#define LIFEBOAT_CRASH_REPORT_REPORT_H

#include "crash/report/source.h"
#include "lifeboat/range.h"

#define LB_REPORT_MAX (16 * LB_KIB)
#define LB_REPORT_MEMORY_MAX LB_MIB

// Returns how many bytes the writer of a report needs, at most LB_REPORT_MEMORY_MAX.
uint64_t lb_report_memory(void);

// Writes the report into `text`, which has `room` bytes (1 KiB or more; LB_REPORT_MAX is usual). Returns how
// many bytes the report has without its NUL. Always succeeds: the report says what is missing, and why.
uint32_t lb_report_write(const struct lb_report_source *source, char *text, uint32_t room);

// Ends a report, of which `bytes` are complete, with a line "cut: `section`: `why`". Returns how many bytes
// the report has then. `room` is that of lb_report_write(), which leaves room for this line.
uint32_t lb_report_cut(char *text, uint32_t room, uint32_t bytes, const char *section, const char *why);

// Finds the value of `key` ("reason", "signature") in the head of a report; the first, if there are several.
// The `bytes` bytes of `text` may come from a disk and need not be a report. False: there is no such key.
// *ret_value is printable, and cut to `room` bytes with its NUL.
bool lb_report_value(const char *text, uint32_t bytes, const char *key, char *ret_value, uint32_t room);

#endif
