// SPDX-License-Identifier: BSD-2-Clause
// Arming carries out a plan; disarming takes all of it back.
#ifndef LIFEBOAT_LOADER_ARMING_H
#define LIFEBOAT_LOADER_ARMING_H

#include "loader/plan.h"

// Reserves, places the hook, fills crash memory, arms. On failure everything is undone.
// The firmware's high-water marks are put back at once: its boot manager may start other options.
// LB_ARM_TAKEN: the planned memory is not free any more; lb_plan_again() may find other.
#define LB_ARM_TAKEN 1
int lb_arm(struct lb_plan *plan, struct lb_error *err);
// Once armed: hook, memory and the firmware's high-water marks are as before lb_arm() again.
void lb_disarm(struct lb_plan *plan);

#endif
