// SPDX-License-Identifier: BSD-2-Clause
// What is mounted where (proc(5), /proc/PID/mountinfo).
#ifndef LIFEBOAT_TOOLS_CTL_MOUNT_H
#define LIFEBOAT_TOOLS_CTL_MOUNT_H

#include <stdbool.h>

#include "tools/ctl/file.h"

struct mount {
	char numbers[32]; // of the device, "MAJOR:MINOR"
	char type[32]; // "vfat"
	bool read_only; // the mount or the file system
};

// Finds the last mount on `point`, automounts left out. False: nothing is mounted.
bool mount_find(const char *root, const char *point, struct mount *ret_mount);

// Is the file system of the device "MAJOR:MINOR" mounted with `option`, one of its own ("data=journal")?
bool mount_has_option(const char *root, const char *numbers, const char *option);

#endif
