// SPDX-License-Identifier: BSD-2-Clause
// Prints the plan on one screen of 80 columns and 25 lines, if the command lines are short.
#ifndef LIFEBOAT_LOADER_PRINT_PLAN_H
#define LIFEBOAT_LOADER_PRINT_PLAN_H

#include "loader/plan.h"

// Once armed the plan has digests, and lines for programs that watch the console: "lifeboat: plan KEY=VALUE
// ...", each shorter than a console row, because firmware breaks longer ones. Sizes are decimal bytes,
// addresses are hexadecimal and physical, ranges are START-END without END.
void lb_print_plan(const struct lb_plan *plan);

#endif
