// SPDX-License-Identifier: BSD-2-Clause
// The contents of crash memory, written once it is reserved.
#ifndef LIFEBOAT_LOADER_FILL_H
#define LIFEBOAT_LOADER_FILL_H

#include "loader/plan.h"

// Fills the whole region by plan->layout, computes every digest, seals the handoff
// (which lies at `handoff`, inside it). plan->tables becomes what was counted.
int lb_fill(struct lb_plan *plan, struct lb_handoff *handoff, struct lb_error *err);

#endif
