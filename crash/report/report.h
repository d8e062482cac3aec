// SPDX-License-Identifier: BSD-2-Clause
// The report: a text that tells why a kernel died, written by the capture kernel on the day and by
// `lifeboat-report` from any dump.
//
// Its form, so that a program can read it, whatever the dead kernel put into it:
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

// At most LB_REPORT_MEMORY_MAX.
uint64_t lb_report_memory(void);

// Writes the report into `text`, of `room` bytes (1 KiB or more; LB_REPORT_MAX is usual), and returns how
// many it has, without the NUL behind them. Always succeeds: what cannot be said is said to be
// missing, and why.
uint32_t lb_report_write(const struct lb_report_source *source, char *text, uint32_t room);

// Ends a report of which `bytes` are complete, in `room` bytes as above, by a line "cut: `section`: `why`".
// How many bytes it has then. There is always room for that line.
uint32_t lb_report_cut(char *text, uint32_t room, uint32_t bytes, const char *section, const char *why);

// The value of `key` ("reason", "signature") in the head of a report of `bytes` bytes, which need not
// be one: it may come from a disk. Of several the first. False: there is none. *ret_value is cut to
// `room` bytes with its NUL, and printable.
bool lb_report_value(const char *text, uint32_t bytes, const char *key, char *ret_value, uint32_t room);

#endif
