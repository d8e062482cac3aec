// SPDX-License-Identifier: BSD-2-Clause
// lifeboatctl test --report: what is known of Lifeboat on this machine, as JSON that may be sent away.
#ifndef LIFEBOAT_TOOLS_CTL_MACHINE_REPORT_H
#define LIFEBOAT_TOOLS_CTL_MACHINE_REPORT_H

#include "tools/ctl/options.h"

#define MACHINE_SCHEMA "lifeboat-machine-1" // docs/machine.schema.json

// Writes to options->report_to, else to standard output. Returns the exit status.
int machine_report_command(const struct options *options);

#endif
