// SPDX-License-Identifier: BSD-2-Clause
// The map of a file for dumps (lifeboat/dumpfile.h), for the loader and the host's tools. A map is read
// from an ESP, where anybody can write.
#ifndef LIFEBOAT_CRASH_DISK_FILE_MAP_H
#define LIFEBOAT_CRASH_DISK_FILE_MAP_H

#include "lib/format.h"
#include "lifeboat/dumpfile.h"

// Fills magic, version, size and digest of an otherwise finished map.
void lb_file_map_seal(struct lb_file_map *map);
// Fails, naming the wrong field, unless the `bytes` read from the map's file are a whole and consistent
// map. lb_extents_check() judges where on the disk the pieces may lie.
int lb_file_map_check(const struct lb_file_map *map, uint64_t bytes, struct lb_error *err);

#endif
