// SPDX-License-Identifier: BSD-2-Clause
// The time that arming takes, and what of it is spent in the firmware's disk drivers and file systems: no
// more than LB_BUDGET_MS, or this boot is not armed. A call that does not come back is the firmware's
// watchdog's (loader/firmware.h).
#ifndef LIFEBOAT_LOADER_BUDGET_H
#define LIFEBOAT_LOADER_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"

#define LB_BUDGET_MS 5000U
#define LB_BUDGET_RESERVE_MS 2000U

// Arming begins.
void lb_budget_begin(void);

// Lifts the limit: a boot that must not be unarmed waits.
void lb_budget_lift(void);

// Around each call that may wait for a device.
void lb_budget_wait(void);
void lb_budget_waited(void);
// The sum of the waits is over LB_BUDGET_MS: no further one may begin. The clock's rate is measured at the
// first call, 40 ms.
bool lb_budget_spent(void);
int lb_budget_check(struct lb_error *err);
// No more than LB_BUDGET_RESERVE_MS of it is left: nothing that arming can do without may begin.
bool lb_budget_low(void);

// Around what would be done without Lifeboat, too: it does not count as arming.
void lb_budget_pause(void);
void lb_budget_resume(void);

// Milliseconds since lb_budget_begin(), less the pauses.
uint64_t lb_budget_ms(void);

#endif
