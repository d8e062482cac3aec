// SPDX-License-Identifier: BSD-2-Clause
// The mark on each partition that the capture kernel may write to.
#ifndef LIFEBOAT_LOADER_TARGET_MARK_H
#define LIFEBOAT_LOADER_TARGET_MARK_H

#include "loader/target.h"

// Puts an empty header for this arming on every partition: the last thing before the first
// kernel starts. Warns of those that cannot be written, which the capture kernel leaves alone.
void lb_targets_mark(const struct lb_targets *targets, const uint8_t arm_id[16], bool selftest);

#endif
