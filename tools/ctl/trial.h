// SPDX-License-Identifier: BSD-2-Clause
// The mark of a trial, which outlives boots (docs/handoff.md): the variable LifeboatTrial or, for firmware
// whose variables cannot be written, a file of the ESP.
#ifndef LIFEBOAT_TOOLS_CTL_TRIAL_H
#define LIFEBOAT_TOOLS_CTL_TRIAL_H

#include "crash/plan/trial.h"
#include "tools/ctl/esp.h"
#include "tools/ctl/options.h"
#include "tools/ctl/variable.h"

#define TRIAL_NAME "LifeboatTrial"
#define OFF_NAME "LifeboatOff"
#define LIFEBOAT_GUID "6b1f3c0e-4d1a-4c57-9e0a-5a0e3f2b7c11"
#define ESP_TRIAL "\\EFI\\lifeboat\\trial"
#define ESP_OFF "\\EFI\\lifeboat\\off"

enum trial_place { TRIAL_NONE, TRIAL_VARIABLE, TRIAL_FILE };

struct trial {
	enum trial_place place; // TRIAL_NONE: there is none, or none that can be read
	struct lb_trial mark;
};

// The mark that the next boot goes by: the variable's, but for a file beside one that is proved. Where
// there is none, all of *ret_trial is empty. Of an ESP that is not mounted nothing is known.
void trial_read(const struct options *options, struct trial *ret_trial);
// The mark that this boot has begun its trial in; where it has begun none, or the mark is gone, as
// trial_read().
void trial_read_begun(const struct options *options, enum trial_place begun, struct trial *ret_trial);

// Reads what the variable Lifeboat's text says of a trial.
struct lb_trial_boot trial_boot(const struct content *text);
// The same: where this boot has begun its trial. TRIAL_NONE: it is none.
enum trial_place trial_begun_in(const struct content *text);

// Notes that this boot completed (lb_trial_complete()). Nothing is written where nothing changes;
// *ret_proved: it was proved now. A mark in the other place is an older one, and goes.
int trial_complete(const struct options *options, struct trial *trial, const struct lb_trial_boot *boot,
		   bool *ret_proved, struct lb_error *err);
// The next boot is a trial like the first. Nothing is written where there is no mark. One in the other
// place goes.
int trial_renew(const struct options *options, struct trial *trial, struct lb_error *err);
// After an installation or an update: trials that failed were another program's. What was proved stays: the
// loader sees that another program is there.
int trial_begin_anew(const struct options *options, struct lb_error *err);
// Takes every trace of it away, and of the kill switch. `esp`: NULL where there is none.
int trial_remove(const struct options *options, const struct esp *esp, struct lb_error *err);

// Is the kill switch thrown, by the variable or the file?
bool trial_is_off(const struct options *options);

#endif
