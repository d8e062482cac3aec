// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl test: asks for a try without a crash, or reports its verdict (docs/capture.md).
#ifndef LIFEBOAT_TOOLS_CTL_TRY_H
#define LIFEBOAT_TOOLS_CTL_TRY_H

#include "tools/ctl/options.h"

// Says the verdict of each partition for dumps that has one: exit status 0 where all passed. Without any it
// asks for a try at the next boot, by a line in the installed lifeboat.conf. With --report and --panic it
// does those instead.
int try_command(const struct options *options);

#endif
