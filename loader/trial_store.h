// SPDX-License-Identifier: BSD-2-Clause
// Where the trial mark and the kill switch are kept (docs/handoff.md): EFI variables, and files in
// \EFI\lifeboat on the volume that we were loaded from.
#ifndef LIFEBOAT_LOADER_TRIAL_STORE_H
#define LIFEBOAT_LOADER_TRIAL_STORE_H

#include <stdbool.h>

#include "crash/plan/trial.h"

enum lb_trial_place { LB_TRIAL_VARIABLE, LB_TRIAL_FILE };

// Whether the kill switch is there, whatever it holds.
bool lb_trial_store_off(enum lb_trial_place place);

// Whether the variable Lifeboat says that another copy of the loader stands aside in this boot.
bool lb_trial_store_aside(void);

// Reads the mark. False: there is none, or it cannot be read; the latter is warned of.
bool lb_trial_store_read(enum lb_trial_place place, struct lb_trial *ret_trial);

// Writes the mark and reads it back: some firmware takes writes and forgets them.
int lb_trial_store_write(enum lb_trial_place place, const struct lb_trial *trial, struct lb_error *err);

// Writes the mark as a variable, while boot services last: no allocation, no console, TPL_CALLBACK.
void lb_trial_store_last(const struct lb_trial *trial);

#endif
