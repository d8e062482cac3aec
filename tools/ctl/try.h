// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl test: a try without a crash (docs/capture.md), asked for or judged.
#ifndef LIFEBOAT_TOOLS_CTL_TRY_H
#define LIFEBOAT_TOOLS_CTL_TRY_H

#include "tools/ctl/options.h"

// Where a partition for dumps has a verdict, says it: exit status 0 where all passed. Else asks for a try at the next
// boot, by a line in the installed lifeboat.conf. With --report and --panic it does those instead.
int try_command(const struct options *options);

#endif
