// SPDX-License-Identifier: BSD-2-Clause
// What the built-in capture kernel is told (lifeboat/capture_config.h): planned with the rest,
// finished when armed.
#ifndef LIFEBOAT_LOADER_CAPTURE_CONFIG_H
#define LIFEBOAT_LOADER_CAPTURE_CONFIG_H

#include "loader/plan.h"

// How much crash memory, from plan->need and the size that crashkernel= gives: fills
// plan->capture_size and returns the region's bytes.
int lb_capture_config_size(struct lb_plan *plan, uint64_t *ret_bytes, struct lb_error *err);

// Everything about plan->capture that does not change until it is armed.
void lb_capture_config_plan(struct lb_plan *plan);

// The rest, in `capture`, which lies in crash memory: the clock, this arming's own number,
// the heap. Takes about 40 ms.
void lb_capture_config_fill(struct lb_plan *plan, struct lb_capture_config *capture);

#endif
