// SPDX-License-Identifier: BSD-2-Clause
// Finds room for a dump partition, and prints the command that makes it. Changes no partition table.
#ifndef LIFEBOAT_TOOLS_CTL_GAP_H
#define LIFEBOAT_TOOLS_CTL_GAP_H

#include <stdint.h>

#include "lib/format.h"
#include "loader/options/dump_options.h"

// MiB that hold any dump of this machine; 0: not known.
uint64_t gap_wanted_mib(const char *root);

// Always fails. The message has the command that makes a partition with the name or UUID of the first of
// `dump`: in the longest run of free sectors, on a disk that the capture kernel has a driver for. Or it
// says that there is no room.
int gap_fail(const char *root, const struct lb_dump_options *dump, struct lb_error *err);

#endif
