// SPDX-License-Identifier: BSD-2-Clause
// The controller that a disk hangs on, by sysfs.
#ifndef LIFEBOAT_TOOLS_CTL_CONTROLLER_H
#define LIFEBOAT_TOOLS_CTL_CONTROLLER_H

#include "lib/format.h"

// Fails, naming the controller, where the built-in capture kernel has no driver for this disk of /sys/block.
int controller_judge(const char *root, const char *disk, struct lb_error *err);

#endif
