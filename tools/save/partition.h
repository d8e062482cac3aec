// SPDX-License-Identifier: BSD-2-Clause
// Our partition on a disk with a GPT.
#ifndef LIFEBOAT_TOOLS_SAVE_PARTITION_H
#define LIFEBOAT_TOOLS_SAVE_PARTITION_H

#include "tools/save/device.h"

// Looks on the whole disk for partitions of LB_DUMP_TYPE_GUID, and makes `*ret_partition` number
// `wanted` of them, from 0 (of the same descriptor), where there are as many. Returns how many
// there are; 0, with err, also where there is no GPT; -1, with err, where there are some in a GPT that
// does not count (LB_GPT_FOREIGN).
int partition_find(const struct device *disk, unsigned int wanted, struct device *ret_partition,
		   struct lb_error *err);

#endif
