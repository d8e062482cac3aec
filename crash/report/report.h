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
// All of it is printable ASCII and line feeds. Keys, sections and their lines are in docs/capture.md.
#ifndef LIFEBOAT_CRASH_REPORT_REPORT_H
#define LIFEBOAT_CRASH_REPORT_REPORT_H

#include "crash/dead/facts.h"
#include "lifeboat/handoff.h"
#include "lifeboat/range.h"

#define LB_REPORT_MAX (16 * LB_KIB)
#define LB_REPORT_MEMORY_MAX LB_MIB
#define LB_REPORT_NO_CPU UINT32_MAX

struct lb_report_source {
	// Its space is read through. What is not known (has_ is false) costs the sections that want it.
	const struct lb_deadkernel *kernel;
	void *memory; // lb_report_memory() bytes, page-aligned; its content does not matter
	const struct lb_user_regs *registers; // of the CPU that panicked; NULL: not known
	uint32_t cpu; // that CPU's number; LB_REPORT_NO_CPU: not known
	uint64_t time; // of the panic, in seconds since 1970; 0: not known
	const char *release; // where VMCOREINFO has no OSRELEASE; NULL: not known
	const char *lifeboat; // what Lifeboat did: lines, each with its line feed; NULL: no such section
	bool mask; // secrets, addresses of network cards, host names: mask.h
	// Asked at the start of each section and, in those that take long, every few thousand reads at most. `section` (a
	// literal) is what is being written, `bytes` of the text are complete: a caller that is thrown
	// out of the report by a fault goes on with lb_report_cut(). False: the budget is spent, the
	// report ends here. NULL: no budget.
	bool (*go_on)(void *ctx, const char *section, uint32_t bytes);
	void *ctx;
};

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
