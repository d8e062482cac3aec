// SPDX-License-Identifier: BSD-2-Clause
// The time that arming takes, and the part of it that the firmware's disk drivers and file systems take.
// That part ends at LB_BUDGET_MS: this boot is not armed then. A call that never comes back is ended by the
// firmware's watchdog (loader/firmware.h).
#ifndef LIFEBOAT_LOADER_BUDGET_H
#define LIFEBOAT_LOADER_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"

#define LB_BUDGET_MS 5000U
#define LB_BUDGET_RESERVE_MS 2000U

// Starts the clock when arming begins.
void lb_budget_begin(void);

// Lifts the limit, for a boot that has to be armed however long it takes.
void lb_budget_lift(void);

// Enclose each call that may wait for a device.
void lb_budget_wait(void);
void lb_budget_waited(void);
// True when the waits have taken more than LB_BUDGET_MS: no further one may begin. The first call measures
// the clock's rate, 40 ms.
bool lb_budget_spent(void);
int lb_budget_check(struct lb_error *err);
// True when no more than LB_BUDGET_RESERVE_MS is left: nothing optional may begin.
bool lb_budget_low(void);

// Enclose work that a boot without Lifeboat does, too: it does not count as arming.
void lb_budget_pause(void);
void lb_budget_resume(void);

// Milliseconds since lb_budget_begin(), less the pauses.
uint64_t lb_budget_ms(void);

#endif
