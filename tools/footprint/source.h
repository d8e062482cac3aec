// SPDX-License-Identifier: BSD-2-Clause
// Memory maps of real machines, in the forms in which people have them:
//
//   a Linux boot log        lines with "BIOS-e820:", any printk prefix; the old form
//                           (START - END (type), end exclusive), that of 2012 on ([mem
//                           START-END] type, inclusive) and that of 2026 (System RAM,
//                           device reserved, [gap …] lines, sizes). Of several boots
//                           in one log the last counts.
//   Xen's log               the hypervisor's ("Xen-e820 RAM map:"), or dom0's ("Xen: [mem")
//   /sys/firmware/memmap    a folder of numbered folders with start, end, type
//   an .e820 file           START END TYPE, hex, both inclusive, '#' comments, SRAT lines
//   -                       standard input: a boot log, or the text of an .e820 file
//
// Text may have colours, CR CR LF at its lines' ends, or be UTF-16 (plain_text.h).
#ifndef LIFEBOAT_TOOLS_FOOTPRINT_SOURCE_H
#define LIFEBOAT_TOOLS_FOOTPRINT_SOURCE_H

#include "tools/footprint/map_line.h"

// 0, or -1 with the reason and nothing to free.
int source_read(const char *path, struct source *ret_source, struct source_error *err);
void source_free(struct source *source);

#endif
