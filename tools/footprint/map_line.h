// SPDX-License-Identifier: BSD-2-Clause
// One line of a memory map in any form of text: its words, and the entry that it makes.
#ifndef LIFEBOAT_TOOLS_FOOTPRINT_MAP_LINE_H
#define LIFEBOAT_TOOLS_FOOTPRINT_MAP_LINE_H

#include <asm/bootparam.h>
#include <stdint.h>

#include "crash/plan/srat.h"

struct source_error {
	char text[1024]; // FILE:LINE: what is wrong
};

struct source {
	struct boot_e820_entry *entries; // malloc'd; as found, in any order
	uint32_t count;
	struct lb_srat srat; // of its SRAT lines, those that are hot-pluggable or non-volatile
	const char *note; // what whoever reads the figures has to know of this map, or NULL
};

// A line's place, for messages.
struct place {
	const char *path;
	unsigned int line; // 0: none
	struct source_error *err;
};

struct type_name {
	const char *text;
	uint32_t type;
};

// The types as Linux and Xen print them; ends with NULL.
extern const struct type_name map_line_types[];

// "PATH:LINE: text" into the place's error; -1.
__attribute__((format(printf, 2, 3))) int place_fail(const struct place *at, const char *format, ...);

// Appends [start, last] to `source`. Fails where the range ends before it begins, or there are too many.
int map_line_add(struct source *source, const struct place *at, uint64_t start, uint64_t last, uint32_t type);

// "SRAT NODE PXM START END [hotplug] [non-volatile]", END inclusive, as an .e820 file has it.
int map_line_srat(struct source *source, const struct place *at, const char *line);

// The same of a boot log's "SRAT: Node N PXM P [mem START-END] [hotplug]"; other lines are passed over.
int map_line_srat_of_log(struct source *source, const struct place *at, const char *line);

const char *map_line_skip_spaces(const char *text);

// 1 to 16 hexadecimal digits, with or without 0x. NULL when there are none, or more.
const char *map_line_hex(const char *text, uint64_t *ret_value);

// The whole of `text` is one of `names`, or "type N" in one of the kernel's forms.
int map_line_type(const struct place *at, const struct type_name *names, const char *text,
		  uint32_t *ret_type);

#endif
