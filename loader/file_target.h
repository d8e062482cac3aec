// SPDX-License-Identifier: BSD-2-Clause
// A file that dumps go to (lifeboat/dumpfile.h): its map, its size and its stamps, as the firmware reads
// them.
#ifndef LIFEBOAT_LOADER_FILE_TARGET_H
#define LIFEBOAT_LOADER_FILE_TARGET_H

#include <stdbool.h>

#include "lifeboat/dumpfile.h"
#include "loader/blockdev.h"
#include "loader/options/dump_options.h"

// Reads the map that `to`, a target by file, names. *ret_there: such a file exists, whatever it holds.
int lb_file_target_map(const struct lb_dump_to *to, bool *ret_there, struct lb_file_map *ret_map,
		       struct lb_error *err);

// Puts the file's pieces and name into `target`, whose partition is known. Fails where the pieces are not
// on that partition.
int lb_file_target_place(const struct lb_file_map *map, struct lb_target *target, struct lb_error *err);

// Fails where the firmware can read the file system, and the file is missing or has another size.
int lb_file_target_is_there(const struct lb_dump_to *to, const struct lb_file_map *map, struct lb_error *err);

// The block on the disk that holds byte `offset` of a target. *ret_bytes: the bytes that follow in one
// piece.
uint64_t lb_target_block(const struct lb_target *target, uint64_t offset, uint64_t *ret_bytes);

// Reads all of the file but its headers. Fails where a block lacks its stamp, and where reading takes
// longer than arming may wait for disks (loader/budget.h).
int lb_file_target_stamped(const struct lb_blockdev *device, const struct lb_target *target,
			   struct lb_error *err);

#endif
