// SPDX-License-Identifier: BSD-2-Clause
// The dead kernel of a dump, as crash/report/ wants it.
#ifndef LIFEBOAT_TOOLS_REPORT_KERNEL_H
#define LIFEBOAT_TOOLS_REPORT_KERNEL_H

#include "crash/dead/vmcoreinfo_make.h"
#include "crash/report/source.h"
#include "tools/report/dumpfile.h"

struct kernel {
	struct lb_deadkernel dead;
	struct lb_user_regs registers; // of the CPU that panicked
	struct lb_vmcoreinfo_work work;
	char made[LB_VMCOREINFO_MAX]; // VMCOREINFO, where the dump's has too little in it
	char lifeboat[1024]; // lines on what the dump lacks; "": nothing
};

// Fills `source`, all but memory and what the user chose. Always succeeds: a dump without VMCOREINFO has
// nothing, and the report says so. `kernel` must outlive the source.
void kernel_find(const struct dumpfile *dump, struct kernel *kernel, struct lb_report_source *ret_source);

#endif
