// SPDX-License-Identifier: BSD-2-Clause
// The data that a report is written from. The caller fills it in.
#ifndef LIFEBOAT_CRASH_REPORT_SOURCE_H
#define LIFEBOAT_CRASH_REPORT_SOURCE_H

#include "crash/dead/facts.h"
#include "lifeboat/handoff.h"

#define LB_REPORT_NO_CPU UINT32_MAX

struct lb_report_source {
	// The report reads memory through its `space`. A has_... that is false costs the sections that need
	// its data.
	const struct lb_deadkernel *kernel;
	void *memory; // lb_report_memory() bytes, page-aligned, with any content
	const struct lb_user_regs *registers; // of the CPU that panicked; NULL: not known
	uint32_t cpu; // the number of that CPU; LB_REPORT_NO_CPU: not known
	uint64_t time; // of the panic, in seconds since 1970; 0: not known
	const char *release; // used where VMCOREINFO has no OSRELEASE; NULL: not known
	// Lines that say what Lifeboat did, each with its line feed. The caller may write them until go_on()
	// is called for section "lifeboat". NULL: there is no such section.
	const char *lifeboat;
	bool mask; // secrets, addresses of network cards, host names: mask.h
	// Called at the start of each section, and within long ones every few thousand reads at most.
	// `section`, a literal, is what is being written. `bytes` bytes of the text are complete. If a fault
	// ends the writing, the caller passes both to lb_report_cut(). False: the budget is spent. The report
	// then ends with a line that says so, which begins at `bytes`. NULL: there is no budget.
	bool (*go_on)(void *ctx, const char *section, uint32_t bytes);
	void *ctx;
};

#endif
