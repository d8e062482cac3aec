// SPDX-License-Identifier: BSD-2-Clause
// Work that is worth trying, and not worth the dump: where it faults, or does not come to an end, it is
// broken off, and life goes on behind it. The first CPU's, while it is alone.
//
// The end of time comes by the local APIC's timer, the only interrupt that there is: the purgatory has
// masked all other sources. Where there is no local APIC, time has no end.
#ifndef LIFEBOAT_CRASH_PLATFORM_GUARD_H
#define LIFEBOAT_CRASH_PLATFORM_GUARD_H

#include <stdint.h>

enum lb_guard_end {
	LB_GUARD_DONE, // it came to its end
	LB_GUARD_FAULT, // an exception ended it
	LB_GUARD_LATE, // its time was up
};

struct lb_guard_fault {
	uint64_t vector, rip, cr2; // of LB_GUARD_FAULT; rip also of LB_GUARD_LATE
};

// Calls `work`, which may use nothing that must not be broken off in the middle: no disk, no heap, no
// console. *ret_fault is written where it did not come to its end. NMIs and machine checks are
// as everywhere.
enum lb_guard_end lb_guard_run(void (*work)(void *ctx), void *ctx, uint64_t milliseconds,
			       struct lb_guard_fault *ret_fault);

#endif
