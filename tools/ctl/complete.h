// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl boot-complete, which lifeboat-boot-complete.service calls once user space has come up.
#ifndef LIFEBOAT_TOOLS_CTL_COMPLETE_H
#define LIFEBOAT_TOOLS_CTL_COMPLETE_H

#include "tools/ctl/options.h"

// Proves a trial that this boot began, ends the trial of an update, counts dumps and hard ends, and records
// a new verdict of a try without a crash. Writes nothing where nothing changed. A step that fails does not
// stop the others. Returns the exit status.
int boot_complete_command(const struct options *options);

#endif
