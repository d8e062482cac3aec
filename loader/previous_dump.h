// SPDX-License-Identifier: BSD-2-Clause
// A partition's news of the time before this boot.
#ifndef LIFEBOAT_LOADER_PREVIOUS_DUMP_H
#define LIFEBOAT_LOADER_PREVIOUS_DUMP_H

#include "lifeboat/capture_config.h"
#include "lifeboat/dumpdisk.h"

// Warns of a dump that nobody has saved, also where the partition's GUID was another one then; else
// says the verdict of a self-test. `header` was checked. Of `target`, name and GUID are known.
void lb_previous_dump_show(const struct lb_target *target, const struct lb_dump_header *header);
// The report of the dump that lb_previous_dump_show() has just warned of: its first screen, as far as it is
// the report that was written. `text`: header->report_bytes of it; NULL: `why` it cannot be read, a sentence.
void lb_previous_dump_report(const struct lb_dump_header *header, const char *text, const char *why);
// Warns of a dump whose header cannot be read. `why`: a sentence.
void lb_previous_dump_unreadable(const struct lb_target *target, const char *why);

#endif
