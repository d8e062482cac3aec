// SPDX-License-Identifier: BSD-2-Clause
// The mark on each partition that the capture kernel may write to.
#ifndef LIFEBOAT_LOADER_TARGET_MARK_H
#define LIFEBOAT_LOADER_TARGET_MARK_H

#include "loader/target.h"

// Puts an empty header for this arming on every partition, as the last step before the first kernel starts.
// Warns of partitions where the header is missing, which the capture kernel leaves alone, and of partitions
// where it may not stay. With `selftest`, fails where the first header may not stay: the next boot could
// find no verdict there, and begin the same test again. `keys_phys`: the address of this arming's keys; 0:
// there are none.
// *ret_marked, always written: the number of partitions that the capture kernel will find marked.
int lb_targets_mark(const struct lb_targets *targets, const uint8_t arm_id[16], bool selftest,
		    uint64_t keys_phys, uint32_t *ret_marked, struct lb_error *err);

#endif
