// SPDX-License-Identifier: BSD-2-Clause
// What kind of machine this is, by /sys and /proc below a root: for others to see, so without serial
// numbers, UUIDs, names of hosts and network addresses.
#ifndef LIFEBOAT_TOOLS_CTL_MACHINE_H
#define LIFEBOAT_TOOLS_CTL_MACHINE_H

#include "tools/common/json.h"
#include "tools/ctl/options.h"

// Members of the object that is open: system, firmware, cpu, memory_gib, kernel, iommu, functions,
// watchdogs, tpm. docs/machine.schema.json describes them.
void machine_put(struct json *json, const struct options *options);

#endif
