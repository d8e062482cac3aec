// SPDX-License-Identifier: BSD-2-Clause
// Finds members of a RAID whose metadata is at the disk's end. The beginning of such a disk looks like
// that of a single disk, with a partition table, but a write there would change one member only.
#ifndef LIFEBOAT_CRASH_DISK_RAID_H
#define LIFEBOAT_CRASH_DISK_RAID_H

#include "crash/disk/block_reader.h"
#include "lib/format.h"

// Looks for Intel Matrix RAID (IMSM), Linux md with metadata 1.0, and SNIA DDF. 0: none of them.
// -1: one was found, or the disk's end cannot be read. `room` is LB_BLOCK_MAX bytes.
// Sources: mdadm's handlers of both superblocks (struct mdp_superblock_1); SNIA DDF 2.0, 5.5.
int lb_raid_none(const struct lb_block_reader *disk, void *room, struct lb_error *err);

#endif
