// SPDX-License-Identifier: BSD-2-Clause
// The program that an update replaced, beside the new one: NAME.previous while the new one is on trial,
// NAME.kept afterwards.
#ifndef LIFEBOAT_TOOLS_CTL_KEEP_H
#define LIFEBOAT_TOOLS_CTL_KEEP_H

#include "tools/ctl/place.h"
#include "tools/ctl/plan.h"

// Copies the installed program to NAME.previous. One that is there already stays: what replaced it was
// never proved.
int keep_previous(const struct esp *esp, enum mode mode, struct placed *placed, struct lb_error *err);
// Whether an update is on trial.
bool keep_on_trial(const struct esp *esp, enum mode mode);
// Ends a trial that went well: NAME.previous becomes NAME.kept.
int keep_settle(const struct esp *esp, enum mode mode, struct lb_error *err);
// NAME.previous, else NAME.kept, is the program again. Fails where there is neither, or where it is no
// Lifeboat. `ret_version`: of what is back; image.version's size.
int keep_return(const struct esp *esp, enum mode mode, char ret_version[24], struct lb_error *err);
// Removes NAME.previous and NAME.kept.
int keep_remove(const struct esp *esp, enum mode mode, struct lb_error *err);

// lifeboatctl rollback. Returns the exit status.
int rollback_command(const struct options *options);

#endif
