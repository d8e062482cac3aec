// SPDX-License-Identifier: BSD-2-Clause
// A target's place was found when armed; the disk may have been partitioned anew since, and
// an old header may still lie where the partition began.
#ifndef LIFEBOAT_CRASH_DISK_TARGET_CHECK_H
#define LIFEBOAT_CRASH_DISK_TARGET_CHECK_H

#include "crash/disk/disk.h"

// Fails unless the disk's partition table still has the target where it was when armed.
// `disk` is open and has no request in flight. Reads from the disk only; memory comes from
// lb_heap_pages().
int lb_target_in_place(struct lb_disk *disk, const struct lb_target *target, struct lb_error *err);

#endif
