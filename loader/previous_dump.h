// SPDX-License-Identifier: BSD-2-Clause
// Reports at boot what a partition holds from an earlier boot.
#ifndef LIFEBOAT_LOADER_PREVIOUS_DUMP_H
#define LIFEBOAT_LOADER_PREVIOUS_DUMP_H

#include "lifeboat/capture_config.h"
#include "lifeboat/dumpdisk.h"

// Warns of a dump that nobody has saved, also where the partition had another GUID when the dump was
// written. Without a dump, prints the verdict of a self-test. `header` is checked; of `target`, name and
// GUID are known.
void lb_previous_dump_show(const struct lb_target *target, const struct lb_dump_header *header);
// Shows the first screen of the report that belongs to the dump of lb_previous_dump_show(), if it is the
// report that was written. `text`: its header->report_bytes bytes; NULL: it cannot be read, and `why` is
// the reason, a sentence.
void lb_previous_dump_report(const struct lb_dump_header *header, const char *text, const char *why);
// Warns of a dump whose header cannot be read. `why` is the reason, a sentence.
void lb_previous_dump_unreadable(const struct lb_target *target, const char *why);

#endif
