// SPDX-License-Identifier: BSD-2-Clause
// A partition's news of the time before this boot.
#ifndef LIFEBOAT_LOADER_PREVIOUS_DUMP_H
#define LIFEBOAT_LOADER_PREVIOUS_DUMP_H

#include "lifeboat/capture_config.h"
#include "lifeboat/dumpdisk.h"

// Warns of a dump that nobody has saved, also where the partition's GUID was another one then; else
// says the verdict of a self-test. `header` was checked. Of `target`, name and GUID are known.
void lb_previous_dump_show(const struct lb_target *target, const struct lb_dump_header *header);
// Warns of a dump whose header cannot be read. `why`: a sentence.
void lb_previous_dump_unreadable(const struct lb_target *target, const char *why);

#endif
