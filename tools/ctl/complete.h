// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl boot-complete, which lifeboat-boot-complete.service calls: user space came up.
#ifndef LIFEBOAT_TOOLS_CTL_COMPLETE_H
#define LIFEBOAT_TOOLS_CTL_COMPLETE_H

#include "tools/ctl/options.h"

// Proves a trial that this boot began, ends the trial of an update in one way or the other, counts dumps
// and hard ends, writes down a new verdict of a try without a crash. Writes nothing where nothing changed.
// What fails does not keep the rest from being done. Returns the exit status.
int boot_complete_command(const struct options *options);

#endif
