// SPDX-License-Identifier: BSD-2-Clause
// What the writer of a report is given and asks: data, that the caller fills in.
#ifndef LIFEBOAT_CRASH_REPORT_SOURCE_H
#define LIFEBOAT_CRASH_REPORT_SOURCE_H

#include "crash/dead/facts.h"
#include "lifeboat/handoff.h"

#define LB_REPORT_NO_CPU UINT32_MAX

struct lb_report_source {
	// Its space is read through. What is not known (has_ is false) costs the sections that want it.
	const struct lb_deadkernel *kernel;
	void *memory; // lb_report_memory() bytes, page-aligned; its content does not matter
	const struct lb_user_regs *registers; // of the CPU that panicked; NULL: not known
	uint32_t cpu; // that CPU's number; LB_REPORT_NO_CPU: not known
	uint64_t time; // of the panic, in seconds since 1970; 0: not known
	const char *release; // where VMCOREINFO has no OSRELEASE; NULL: not known
	// What Lifeboat did: lines, each with its line feed. They may be written until go_on() is asked about
	// section "lifeboat". NULL: no such section.
	const char *lifeboat;
	bool mask; // secrets, addresses of network cards, host names: mask.h
	// Asked at the start of each section and, in those that take long, every few thousand reads at most. `section` (a
	// literal) is what is being written, `bytes` of the text are complete: a caller that is thrown
	// out of the report by a fault goes on with lb_report_cut(). False: the budget is spent, the
	// report ends here, and says so in its last line, which begins at `bytes`. NULL: no budget.
	bool (*go_on)(void *ctx, const char *section, uint32_t bytes);
	void *ctx;
};

#endif
