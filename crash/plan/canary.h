// SPDX-License-Identifier: BSD-2-Clause
// Canary pages in crash memory tell at the next start whether memory survived the reset. Nothing depends on
// the answer. Pure.
#ifndef LIFEBOAT_CRASH_PLAN_CANARY_H
#define LIFEBOAT_CRASH_PLAN_CANARY_H

#include <stdbool.h>

#include "lifeboat/range.h"

#define LB_CANARY_PAGES 16U

// Fills `page`, LB_PAGE bytes aligned to 8, for the physical address `phys`. No other page has the same
// content.
void lb_canary_fill(void *page, uint64_t phys);
// Does `page` still have all of the content that lb_canary_fill() gave it?
bool lb_canary_lives(const void *page, uint64_t phys);

// Places the canaries in the last pages of `free`, which is crash memory that nobody fills. Empty where
// `free` is smaller than twice what the canaries take.
struct lb_range lb_canary_range(struct lb_range free);

#endif
