// SPDX-License-Identifier: BSD-2-Clause
// Memory maps of real machines, in the forms in which people have them:
//
//   a Linux boot log        lines with "BIOS-e820:", any printk prefix; the old form
//                           (START - END (type), end exclusive), that of 2012 on ([mem
//                           START-END] type, inclusive) and that of 2026 (System RAM,
//                           device reserved, [gap …] lines, sizes). Of several boots
//                           in one log the last counts.
//   /sys/firmware/memmap    a folder of numbered folders with start, end, type
//   an .e820 file           START END TYPE, hex, both inclusive, '#' comments, SRAT lines
//   -                       standard input: a boot log, or the text of an .e820 file
#ifndef LIFEBOAT_TOOLS_FOOTPRINT_SOURCE_H
#define LIFEBOAT_TOOLS_FOOTPRINT_SOURCE_H

#include <asm/bootparam.h>
#include <stdint.h>

struct source_error {
	char text[1024]; // FILE:LINE: what is wrong
};

struct source {
	struct boot_e820_entry *entries; // malloc'd; as found, in any order
	uint32_t count;
};

// 0, or -1 with the reason and nothing to free.
int source_read(const char *path, struct source *ret_source, struct source_error *err);
void source_free(struct source *source);

#endif
