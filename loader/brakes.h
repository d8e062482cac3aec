// SPDX-License-Identifier: BSD-2-Clause
// The kill switch, the trial mark and the end of a row of panics keep Lifeboat from costing a boot. The
// rules are crash/plan/trial.h's; here they are asked at the right moments, and the mark is written. There
// is one mark, and this is the only file that changes it.
#ifndef LIFEBOAT_LOADER_BRAKES_H
#define LIFEBOAT_LOADER_BRAKES_H

#include <stdbool.h>

#include "crash/plan/trial.h"
#include "loader/hook/hook.h"
#include "loader/options/options.h"

// First of all, before a file is opened or anything is connected. `attended`: somebody types at a UEFI shell,
// only the kill switch counts. False: this boot stands aside.
bool lb_brakes_look(bool attended);

// To be called once the words are known: `options`, and `words`, a sum of them and of lifeboat.conf. False: this
// boot stands aside. Not called where nothing is booted: no mark is written then.
bool lb_brakes_know(const struct lb_options *options, uint64_t words);

// A partition has a dump of that arm_id, saved or not.
void lb_brakes_count(const uint8_t arm_id[LB_TRIAL_ID]);

// Panics have been captured since the last boot that completed: the dump that lies there is the first of
// what may become a row of them.
bool lb_brakes_in_a_row(void);

// LB_ASIDE_NOT: this boot arms.
enum lb_trial_aside lb_brakes_aside(void);
// Why it stands aside, a sentence.
const char *lb_brakes_why(void);
// Prints into `text`, for the OS, the keys trial, trial_in, hash and aside of the EFI variable Lifeboat.
// Returns what lb_snprintf() does.
size_t lb_brakes_print(char *text, size_t bytes);
// The mark that this boot found, for the places in it; NULL: there is none.
const struct lb_trial *lb_brakes_mark(void);
// The same where it proves what is armed now; else NULL.
const struct lb_trial *lb_brakes_proof(void);

// Armed: at ExitBootServices the mark is put back where the hook does not arm then. Boot services only.
int lb_brakes_watch(const struct lb_hook *hook, struct lb_error *err);

// Ends the trial of this boot: arming was refused, or what was started came back. The mark is what it was.
void lb_brakes_let_go(void);

#endif
