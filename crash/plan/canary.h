// SPDX-License-Identifier: BSD-2-Clause
// Pages in crash memory that tell at the next start whether memory survived the reset. Nothing is built on it. Pure.
#ifndef LIFEBOAT_CRASH_PLAN_CANARY_H
#define LIFEBOAT_CRASH_PLAN_CANARY_H

#include <stdbool.h>

#include "lifeboat/range.h"

#define LB_CANARY_PAGES 16U

// Fills `page`, LB_PAGE bytes aligned to 8, which lies at `phys`: no other page has the same content.
void lb_canary_fill(void *page, uint64_t phys);
// Has it still all of that?
bool lb_canary_lives(const void *page, uint64_t phys);

// Where they go: the last pages of `free`, which is crash memory that nobody fills; empty where that is smaller than
// twice what they take.
struct lb_range lb_canary_range(struct lb_range free);

#endif
