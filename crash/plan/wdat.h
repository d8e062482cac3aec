// SPDX-License-Identifier: BSD-2-Clause
// The watchdog that a machine's firmware describes to the OS, and how to stop it. Linux uses it in place of
// the chipset's own driver. Source: Microsoft, Hardware Watchdog Timers Design Specification, 2.4 (WDAT).
#ifndef LIFEBOAT_CRASH_PLAN_WDAT_H
#define LIFEBOAT_CRASH_PLAN_WDAT_H

#include "lib/format.h"
#include "lifeboat/capture_config.h"

struct lb_wdat {
	uint32_t count; // 0: there is nothing to stop, or no way to
	struct lb_wdat_step step[LB_MAX_WDAT_STEPS]; // those that stop it, then those that look
	struct lb_error unstoppable; // "": no watchdog, or one that can be stopped
};

// `table` has `bytes`. A wrong length or checksum is an error. A table that says that its watchdog is
// disabled gives no steps. A table whose steps cannot be followed gives none, and `unstoppable` says why.
int lb_wdat_read(const void *table, uint64_t bytes, struct lb_wdat *ret_wdat, struct lb_error *err);

#endif
