// SPDX-License-Identifier: BSD-2-Clause
// Crash memory and the hook's pages, reserved and empty: a boot that stands aside shows the kernel the same
// memory map as the boots before it. A hibernated Linux that is resumed on another one refuses its image.
#ifndef LIFEBOAT_LOADER_PLACEHOLDER_H
#define LIFEBOAT_LOADER_PLACEHOLDER_H

#include "crash/plan/trial.h"

// Takes what the mark says that a proved boot had; what is not free any more is warned of.
void lb_placeholder_take(const struct lb_trial *mark);
// Gives it back: the firmware goes on. Harmless where nothing was taken.
void lb_placeholder_give_back(void);

#endif
