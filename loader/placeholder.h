// SPDX-License-Identifier: BSD-2-Clause
// Crash memory and the hook's pages, reserved and empty. With them a boot that stands aside shows the
// kernel the same memory map as the boots before it. A hibernated Linux refuses to resume on another map.
#ifndef LIFEBOAT_LOADER_PLACEHOLDER_H
#define LIFEBOAT_LOADER_PLACEHOLDER_H

#include "crash/plan/trial.h"

// Reserves what a proved boot had, by `mark`. Warns of memory that is not free any more.
void lb_placeholder_take(const struct lb_trial *mark);
// Frees it when the firmware goes on. Harmless where nothing was reserved.
void lb_placeholder_give_back(void);

#endif
