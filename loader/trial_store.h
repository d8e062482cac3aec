// SPDX-License-Identifier: BSD-2-Clause
// Where the trial mark and the kill switch are kept (docs/handoff.md): EFI variables, and files in
// \EFI\lifeboat on the volume that we were loaded from.
#ifndef LIFEBOAT_LOADER_TRIAL_STORE_H
#define LIFEBOAT_LOADER_TRIAL_STORE_H

#include <stdbool.h>

#include "crash/plan/trial.h"

enum lb_trial_place { LB_TRIAL_VARIABLE, LB_TRIAL_FILE };

// The kill switch, whatever is in it.
bool lb_trial_store_off(enum lb_trial_place place);

// The variable Lifeboat says that another copy of the loader stands aside in this boot.
bool lb_trial_store_aside(void);

// False: there is none, or none that can be read; that one is warned of.
bool lb_trial_store_read(enum lb_trial_place place, struct lb_trial *ret_trial);

// Writes it, and reads it again: some firmware takes writes and forgets them.
int lb_trial_store_write(enum lb_trial_place place, const struct lb_trial *trial, struct lb_error *err);

// The variable only, while boot services are left: no allocation, no console, TPL_CALLBACK.
void lb_trial_store_last(const struct lb_trial *trial);

#endif
