// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl rearm and disarm: the settings of the running kernel that lead a panic to Lifeboat.
#ifndef LIFEBOAT_TOOLS_CTL_REARM_H
#define LIFEBOAT_TOOLS_CTL_REARM_H

#include "tools/ctl/options.h"

// Sets again what was changed since an armed boot. Fails where this boot is not armed: what its command
// line has not cannot be set later (reboot=panic_warm). Returns the exit status.
int rearm_command(const struct options *options);
// A panic, and a reboot, go round the firmware until the next boot or rearm.
int disarm_command(const struct options *options);

#endif
