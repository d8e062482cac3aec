// SPDX-License-Identifier: BSD-2-Clause
// The map of a file for dumps (lifeboat/dumpfile.h), as loader and host tools read it. A map comes off an ESP, where
// anybody may have written.
#ifndef LIFEBOAT_CRASH_DISK_FILE_MAP_H
#define LIFEBOAT_CRASH_DISK_FILE_MAP_H

#include "lib/format.h"
#include "lifeboat/dumpfile.h"

// Fills magic, version, size and digest of an otherwise finished map.
void lb_file_map_seal(struct lb_file_map *map);
// Judges the `bytes` that a file had: fails, saying which field is wrong, unless they are a whole map that
// fits together. lb_extents_check() judges where on the disk its pieces may lie.
int lb_file_map_check(const struct lb_file_map *map, uint64_t bytes, struct lb_error *err);

#endif
