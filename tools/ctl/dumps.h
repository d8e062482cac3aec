// SPDX-License-Identifier: BSD-2-Clause
// The dumps on this machine, below a root: on the partitions for dumps, and in the file for dumps.
#ifndef LIFEBOAT_TOOLS_CTL_DUMPS_H
#define LIFEBOAT_TOOLS_CTL_DUMPS_H

#include "tools/save/dump.h"

// Calls `take` for each partition of ours that has a header, and for the file that lifeboatctl has
// reserved, with `context`. `take` may write to the dump. What cannot be read is passed over.
void dumps_each(const char *root, void (*take)(struct dump *dump, void *context), void *context);

#endif
