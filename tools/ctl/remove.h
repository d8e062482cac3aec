// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl remove: what install brought goes, and the boot order is as it was.
#ifndef LIFEBOAT_TOOLS_CTL_REMOVE_H
#define LIFEBOAT_TOOLS_CTL_REMOVE_H

#include "tools/ctl/options.h"

// Returns the exit status. What is missing is no failure. The partition for dumps stays, and so does a
// lifeboat.conf that install did not write.
int remove_command(const struct options *options);

#endif
