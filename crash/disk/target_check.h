// SPDX-License-Identifier: BSD-2-Clause
// Checks that a disk is the one that was chosen when arming, and that the partition is still where it
// was. Meanwhile another disk may have come into the slot, or the disk may have been partitioned anew
// while an old dump header still lies where the partition began.
#ifndef LIFEBOAT_CRASH_DISK_TARGET_CHECK_H
#define LIFEBOAT_CRASH_DISK_TARGET_CHECK_H

#include "crash/disk/disk.h"
#include "crash/disk/gpt.h"

#define LB_TARGET_CHECK_ROOM (LB_PAGE + LB_GPT_ROOM)

// Fails unless the disk's blocks are of the target's size, 512 or 4096 bytes, and reach its last.
int lb_target_is_disk(const struct lb_target *target, const char *name, const struct lb_disk *disk,
		      struct lb_error *err);

// Fails unless the disk has a valid partition table with the target where it was when armed. `disk` is
// open and has no request in flight. Only reads the disk. `room`: LB_TARGET_CHECK_ROOM bytes of
// lb_heap_pages(), which the caller may reuse for the next target.
int lb_target_in_place(struct lb_disk *disk, const struct lb_target *target, void *room,
		       struct lb_error *err);

#endif
