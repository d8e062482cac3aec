// SPDX-License-Identifier: BSD-2-Clause
// Canaries in crash memory (crash/plan/canary.h): put there when armed, counted at the next start. The
// count is only reported.
#ifndef LIFEBOAT_LOADER_CANARIES_H
#define LIFEBOAT_LOADER_CANARIES_H

#include <stddef.h>

#include "crash/plan/trial.h"

// Counts the canaries that an earlier boot left where `mark` has crash memory, and wipes them. Looks only
// where all of that memory, 512 MiB at most, is free now. Called before anything is allocated there.
void lb_canaries_count(const struct lb_trial *mark);
// Puts new canaries at the end of `free`, which the caller has reserved.
void lb_canaries_put(struct lb_range free);
// Prints "survived=N of 16 pages\n", or "" where nothing was counted. Returns the length.
size_t lb_canaries_print(char *text, size_t bytes);

#endif
