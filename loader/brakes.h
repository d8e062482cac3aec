// SPDX-License-Identifier: BSD-2-Clause
// The kill switch, the trial mark and the end of a row of panics keep Lifeboat from costing a boot. The
// rules are in crash/plan/trial.h. This file applies them, and it is the only one that changes the mark.
#ifndef LIFEBOAT_LOADER_BRAKES_H
#define LIFEBOAT_LOADER_BRAKES_H

#include <stdbool.h>

#include "crash/plan/trial.h"
#include "loader/hook/hook.h"
#include "loader/options/options.h"

// Called first, before a file is opened or a controller connected. `attended`: somebody types at a UEFI
// shell, and only the kill switch counts. False: this boot stands aside.
bool lb_brakes_look(bool attended);

// Called once `options` are known; `words` is a sum of the words and lifeboat.conf. False: this boot stands
// aside. Not called where nothing is booted: no mark is written then.
bool lb_brakes_know(const struct lb_options *options, uint64_t words);

// Counts a dump of the arming `arm_id`, saved or not, that a partition holds.
void lb_brakes_count(const uint8_t arm_id[LB_TRIAL_ID]);

// True when panics have been captured since the last boot that completed. The dump on the partition is then
// the first of what may become a row, and is worth keeping.
bool lb_brakes_in_a_row(void);

// LB_ASIDE_NOT: this boot arms.
enum lb_trial_aside lb_brakes_aside(void);
// Why this boot stands aside, a sentence.
const char *lb_brakes_why(void);
// Prints into `text`, for the OS, the keys trial, trial_in, hash and aside of the EFI variable Lifeboat.
// Returns what lb_snprintf() does.
size_t lb_brakes_print(char *text, size_t bytes);
// The mark that this boot found; it says where crash memory and the hook were. NULL: there is no mark.
const struct lb_trial *lb_brakes_mark(void);
// The same mark when it proves what is armed now; else NULL.
const struct lb_trial *lb_brakes_proof(void);

// Called once armed. At ExitBootServices the mark is put back where the hook does not arm. Boot services
// only.
int lb_brakes_watch(const struct lb_hook *hook, struct lb_error *err);

// Ends this boot's trial and puts the old mark back: arming was refused, or what was started came back.
void lb_brakes_let_go(void);

#endif
