// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl off and on: the kill switch, which the loader looks at before anything else.
#ifndef LIFEBOAT_TOOLS_CTL_SWITCH_H
#define LIFEBOAT_TOOLS_CTL_SWITCH_H

#include "tools/ctl/options.h"

// Each returns the exit status. The boot that runs is not touched.
// By a file on the ESP or, where none is mounted for writing, by a variable of the firmware's.
int off_command(const struct options *options);
// Takes both away, and has the next boot be a trial, whatever the trials before it came to.
int on_command(const struct options *options);

#endif
