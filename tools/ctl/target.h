// SPDX-License-Identifier: BSD-2-Clause
// The partition that a dump would go to, or the command that makes one. No partition table is changed.
#ifndef LIFEBOAT_TOOLS_CTL_TARGET_H
#define LIFEBOAT_TOOLS_CTL_TARGET_H

#include "lib/format.h"

struct target {
	char text[256]; // "/dev/vda3 (PARTLABEL=lifeboat-dump, 20 GiB)", more of them parted by commas
	unsigned int count;
};

// Fails where no disk has one, with the command that makes one in free space of the first disk that has
// enough of it; only of space that no partition has. `swap` is never taken.
int target_find(const char *root, struct target *ret_target, struct lb_error *err);

#endif
