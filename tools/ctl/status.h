// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl status: would a panic of the running system be captured?
#ifndef LIFEBOAT_TOOLS_CTL_STATUS_H
#define LIFEBOAT_TOOLS_CTL_STATUS_H

#include "tools/ctl/options.h"

#define STATUS_SCHEMA "lifeboat-status-1"

// Says what the loader left for this boot on stdout, each problem on stderr; as JSON all on stdout. The exit
// status: 0 where there is no problem.
int status_command(const struct options *options);

#endif
