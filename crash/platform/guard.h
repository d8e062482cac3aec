// SPDX-License-Identifier: BSD-2-Clause
// Runs work that may fault or take too long. lb_guard_run() stops such work and returns to its caller. Only
// the first CPU may call it, and only while no other CPU runs.
//
// The local APIC's timer sets the time limit. The timer is the only interrupt source: the purgatory has
// masked all others. Without a local APIC there is no time limit.
#ifndef LIFEBOAT_CRASH_PLATFORM_GUARD_H
#define LIFEBOAT_CRASH_PLATFORM_GUARD_H

#include <stdint.h>

enum lb_guard_end {
	LB_GUARD_DONE, // the work returned
	LB_GUARD_FAULT, // an exception stopped the work
	LB_GUARD_LATE, // the time limit stopped the work
};

struct lb_guard_fault {
	uint64_t vector, rip, cr2; // of the exception; for LB_GUARD_LATE only rip counts
};

// Calls work(ctx) for at most `milliseconds`. The work must not use a disk, the heap or the console, because
// it may be stopped at any instruction. *ret_fault is written unless the result is LB_GUARD_DONE. NMIs and
// machine checks are handled as everywhere (crash/bare/trap.c).
enum lb_guard_end lb_guard_run(void (*work)(void *ctx), void *ctx, uint64_t milliseconds,
			       struct lb_guard_fault *ret_fault);

#endif
