// SPDX-License-Identifier: BSD-2-Clause
// What a partition tells of the time before this boot.
#ifndef LIFEBOAT_LOADER_PREVIOUS_DUMP_H
#define LIFEBOAT_LOADER_PREVIOUS_DUMP_H

#include "lifeboat/dumpdisk.h"

// A dump that nobody has saved, prominently; the verdict of a self-test. `header` was checked.
void lb_previous_dump_show(const char *partition, const struct lb_dump_header *header);

#endif
