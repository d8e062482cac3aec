// SPDX-License-Identifier: BSD-2-Clause
// A partition's news of the time before this boot.
#ifndef LIFEBOAT_LOADER_PREVIOUS_DUMP_H
#define LIFEBOAT_LOADER_PREVIOUS_DUMP_H

#include "lifeboat/dumpdisk.h"

// Warns of a dump that nobody has saved, else says the verdict of a self-test. `header` was
// checked.
void lb_previous_dump_show(const char *partition, const struct lb_dump_header *header);

#endif
