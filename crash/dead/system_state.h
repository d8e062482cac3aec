// SPDX-License-Identifier: BSD-2-Clause
// Tells whether a kernel panicked or was on its way to an ordinary reboot, by two of its variables. This is
// for logs that cannot be read. Source: kernel/panic.c (panic_cpu), kernel/reboot.c and
// include/linux/kernel.h (system_state).
#ifndef LIFEBOAT_CRASH_DEAD_SYSTEM_STATE_H
#define LIFEBOAT_CRASH_DEAD_SYSTEM_STATE_H

#include "crash/dead/btf.h"
#include "crash/dead/symbols.h"

enum lb_system_verdict {
	LB_SYSTEM_UNKNOWN, // its variables cannot be read, or tell of neither
	LB_SYSTEM_PANIC, // panic_cpu names a CPU
	LB_SYSTEM_REBOOT, // panic_cpu names none, and system_state is restart, power-off or halt
};

// Memory for one judgement. Some 25 KiB.
struct lb_system_state_work {
	struct lb_deadmem mem;
	struct lb_symbols symbols;
	struct lb_btf btf;
};

// Judges the dead kernel. LB_SYSTEM_REBOOT takes both variables, and the enumerators' values out of BTF,
// because these differ between kernels. *why: one sentence for LB_SYSTEM_UNKNOWN.
enum lb_system_verdict lb_system_state_judge(const struct lb_deadkernel *kernel,
					     struct lb_system_state_work *work, struct lb_error *why);

#endif
