// SPDX-License-Identifier: BSD-2-Clause
// Describes this machine's hardware from /sys and /proc below a root. Others may see it, so it has no
// serial numbers, UUIDs, host names or network addresses.
#ifndef LIFEBOAT_TOOLS_CTL_MACHINE_H
#define LIFEBOAT_TOOLS_CTL_MACHINE_H

#include "tools/common/json.h"
#include "tools/ctl/options.h"

// Members of the object that is open: system, firmware, cpu, memory_gib, kernel, iommu, functions,
// watchdogs, tpm. docs/machine.schema.json describes them.
void machine_put(struct json *json, const struct options *options);

#endif
