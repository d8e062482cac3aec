// SPDX-License-Identifier: BSD-2-Clause
// Canaries in crash memory (crash/plan/canary.h): put when armed, counted at the next start. Told, and nothing more.
#ifndef LIFEBOAT_LOADER_CANARIES_H
#define LIFEBOAT_LOADER_CANARIES_H

#include <stddef.h>

#include "crash/plan/trial.h"

// Counts those that an earlier boot left where `mark` has crash memory, and wipes them. All of that has to be free memory
// now, of 512 MiB at most; else nothing is looked at. Before anything is allocated there.
void lb_canaries_count(const struct lb_trial *mark);
// Puts new ones at the end of `free`, which is ours.
void lb_canaries_put(struct lb_range free);
// "survived=N of 16 pages\n"; "" where nothing was looked at. Returns its length.
size_t lb_canaries_print(char *text, size_t bytes);

#endif
