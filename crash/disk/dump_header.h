// SPDX-License-Identifier: BSD-2-Clause
// The header of a dump on a partition (lifeboat/dumpdisk.h) and its own digest: what the
// loader, the capture kernel and scripts/lifeboat-save agree on.
#ifndef LIFEBOAT_CRASH_DISK_DUMP_HEADER_H
#define LIFEBOAT_CRASH_DISK_DUMP_HEADER_H

#include <stdbool.h>

#include "lib/format.h"
#include "lifeboat/dumpdisk.h"

// Fills magic, version, size and digest of an otherwise finished header.
void lb_dump_header_seal(struct lb_dump_header *header);
// Fails, saying which field is wrong, unless all four are right.
int lb_dump_header_check(const struct lb_dump_header *header, struct lb_error *err);

// True when it holds a dump that nobody has saved: interrupted ones, too.
bool lb_dump_header_unsaved(const struct lb_dump_header *header);

#endif
