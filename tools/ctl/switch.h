// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl off and on: the kill switch, which the loader checks before anything else.
#ifndef LIFEBOAT_TOOLS_CTL_SWITCH_H
#define LIFEBOAT_TOOLS_CTL_SWITCH_H

#include "tools/ctl/options.h"

// Each returns the exit status. The running boot is not affected.
// By a file on the ESP or, where none is mounted for writing, by a variable of the firmware's.
int off_command(const struct options *options);
// Removes both, and makes the next boot a trial, whatever the trials before it ended with.
int on_command(const struct options *options);

#endif
