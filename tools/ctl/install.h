// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl install and update: Lifeboat on the ESP and in the firmware's entries.
#ifndef LIFEBOAT_TOOLS_CTL_INSTALL_H
#define LIFEBOAT_TOOLS_CTL_INSTALL_H

#include "tools/ctl/options.h"

// Each returns the exit status, and has said what it did, or why nothing was done.
int install_command(const struct options *options);
// A newer program in the place of the one that is installed. Touches no entry.
int update_command(const struct options *options);

#endif
