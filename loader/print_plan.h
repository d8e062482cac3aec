// SPDX-License-Identifier: BSD-2-Clause
// The plan on one screen of 80 columns and 25 lines, as long as command lines are not long
// themselves.
#ifndef LIFEBOAT_LOADER_PRINT_PLAN_H
#define LIFEBOAT_LOADER_PRINT_PLAN_H

#include "loader/plan.h"

// Once armed: with digests, and lines for programs that watch the console,
// "lifeboat: plan KEY=VALUE ...", each shorter than a console row, which firmware would
// break. Sizes are decimal bytes; addresses hexadecimal and physical, ranges START-END
// without END.
void lb_print_plan(const struct lb_plan *plan);

#endif
