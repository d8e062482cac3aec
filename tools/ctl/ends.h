// SPDX-License-Identifier: BSD-2-Clause
// How boots end: a mark is there from the boot's start to its clean stop. The sub-commands that
// lifeboat-running.service and lifeboat-save-failed.service call, and the counters that follow from the
// marks.
#ifndef LIFEBOAT_TOOLS_CTL_ENDS_H
#define LIFEBOAT_TOOLS_CTL_ENDS_H

#include "tools/ctl/counters.h"
#include "tools/ctl/options.h"

// Each returns the exit status.
// Counts this boot, once, and sets the mark. A mark of another boot that was armed is a hard end, noted until
// ends_settle() finds what it came to.
int boot_start_command(const struct options *options);
// Takes the mark away.
int boot_stop_command(const struct options *options);
int save_failed_command(const struct options *options);

// Called late in a boot, when disks have appeared, with the state locked. Counts the new dumps, and the
// hard ends that left none. Changes only *counters, and tells the journal.
void ends_settle(const char *root, struct counters *counters);
// Forgets the hard ends, and marks this boot as completed. Call it after counters_write().
int ends_forget(const char *root, struct lb_error *err);

#endif
