// SPDX-License-Identifier: BSD-2-Clause
// The memory map in /sys/firmware/memmap: numbered folders with start, end and type
// (Documentation/ABI/testing/sysfs-firmware-memmap).
#ifndef LIFEBOAT_TOOLS_FOOTPRINT_MAP_FOLDER_H
#define LIFEBOAT_TOOLS_FOOTPRINT_MAP_FOLDER_H

#include "tools/footprint/map_line.h"

int map_folder_read(const struct place *at, struct source *source);

#endif
