// SPDX-License-Identifier: BSD-2-Clause
// Room for a partition for dumps, and the command that makes one there. No partition table is changed.
#ifndef LIFEBOAT_TOOLS_CTL_GAP_H
#define LIFEBOAT_TOOLS_CTL_GAP_H

#include <stdint.h>

#include "lib/format.h"
#include "loader/options/dump_options.h"

// MiB that hold any dump of this machine; 0: not known.
uint64_t gap_wanted_mib(const char *root);

// Always fails: with the command that makes a partition, of the name or UUID that the first of `dump`
// wants, in the longest run of sectors that no partition has, on a disk that the capture kernel has a
// driver for; or saying that there is no room.
int gap_fail(const char *root, const struct lb_dump_options *dump, struct lb_error *err);

#endif
