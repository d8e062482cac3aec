// SPDX-License-Identifier: BSD-2-Clause
// Arming carries out a plan; disarming takes all of it back.
#ifndef LIFEBOAT_LOADER_ARMING_H
#define LIFEBOAT_LOADER_ARMING_H

#include "loader/plan.h"

// Reserves memory, places the hook, fills crash memory, arms. On failure everything is undone.
// The firmware's high-water marks are put back at once: its boot manager may start other options.
// Returns LB_ARM_TAKEN when the planned memory is not free any more; lb_plan_again() may find other memory.
#define LB_ARM_TAKEN 1
int lb_arm(struct lb_plan *plan, struct lb_error *err);
// Once armed: puts hook, memory and the firmware's high-water marks back as they were before lb_arm().
void lb_disarm(struct lb_plan *plan);

#endif
