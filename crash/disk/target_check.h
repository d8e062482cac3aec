// SPDX-License-Identifier: BSD-2-Clause
// Is this the disk that was chosen when armed, and is the partition where it was? Another disk may
// be in its slot; it may have been partitioned anew since, and an old header may still lie where
// the partition began.
#ifndef LIFEBOAT_CRASH_DISK_TARGET_CHECK_H
#define LIFEBOAT_CRASH_DISK_TARGET_CHECK_H

#include "crash/disk/disk.h"
#include "crash/disk/gpt.h"

#define LB_TARGET_CHECK_ROOM (LB_PAGE + LB_GPT_ROOM)

// Fails unless the disk's blocks are of the target's size, 512 or 4096 bytes, and reach its last.
int lb_target_is_disk(const struct lb_target *target, const char *name, const struct lb_disk *disk,
		      struct lb_error *err);

// Fails unless the disk is laid out by a partition table that still has the target where it was
// when armed. `disk` is open and has no request in flight. Reads from the disk only, into `room`:
// LB_TARGET_CHECK_ROOM bytes of lb_heap_pages(), free for the next target afterwards.
int lb_target_in_place(struct lb_disk *disk, const struct lb_target *target, void *room,
		       struct lb_error *err);

#endif
