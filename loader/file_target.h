// SPDX-License-Identifier: BSD-2-Clause
// A file that dumps go to (lifeboat/dumpfile.h), as the firmware shows it: its map, its size, its stamps.
#ifndef LIFEBOAT_LOADER_FILE_TARGET_H
#define LIFEBOAT_LOADER_FILE_TARGET_H

#include <stdbool.h>

#include "lifeboat/dumpfile.h"
#include "loader/blockdev.h"
#include "loader/options/dump_options.h"

// Reads the map that `to`, by file, names. *ret_there: there is such a file, whatever is in it.
int lb_file_target_map(const struct lb_dump_to *to, bool *ret_there, struct lb_file_map *ret_map,
		       struct lb_error *err);

// Puts a file's pieces and name into `target`, whose partition is known. Fails where they are not on that
// partition.
int lb_file_target_place(const struct lb_file_map *map, struct lb_target *target, struct lb_error *err);

// Fails where the firmware can read the file system of the file, and the file is not there with its size.
int lb_file_target_is_there(const struct lb_dump_to *to, const struct lb_file_map *map, struct lb_error *err);

// The place on the disk, a block, of byte `offset` of a target; *ret_bytes: the bytes that go on from there
// in one piece.
uint64_t lb_target_block(const struct lb_target *target, uint64_t offset, uint64_t *ret_bytes);

// Reads all of the file but its headers; fails where a block does not have its stamp, and where that takes longer
// than arming may wait for disks (loader/budget.h).
int lb_file_target_stamped(const struct lb_blockdev *device, const struct lb_target *target,
			   struct lb_error *err);

#endif
