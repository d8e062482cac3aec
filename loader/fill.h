// SPDX-License-Identifier: BSD-2-Clause
// The contents of crash memory, written once it is reserved.
#ifndef LIFEBOAT_LOADER_FILL_H
#define LIFEBOAT_LOADER_FILL_H

#include "loader/plan.h"

// Fills the whole region by plan->layout, computes every digest, seals the handoff at `handoff`, which lies
// in the region. plan->tables becomes the counted size.
int lb_fill(struct lb_plan *plan, struct lb_handoff *handoff, struct lb_error *err);

#endif
