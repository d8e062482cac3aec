// SPDX-License-Identifier: BSD-2-Clause
// The memory map in a boot log: Linux's in its three forms, Xen's in the hypervisor's two and in dom0's.
#ifndef LIFEBOAT_TOOLS_FOOTPRINT_MAP_LOG_H
#define LIFEBOAT_TOOLS_FOOTPRINT_MAP_LOG_H

#include <stdbool.h>

#include "tools/footprint/map_line.h"

// All zeros before the first line.
struct map_log {
	bool header; // the line that stands in front of the map was there
	bool hypervisor; // in the map of Xen itself
	bool dom0; // the map is what Xen made for its first guest
};

// Are there lines of a map in this text, so that it is a log?
bool map_log_is(const char *text);

// Takes a line of the log. *ret_of_map: it belongs to a map. Of several maps in one log the last one stays.
int map_log_line(struct map_log *log, const struct place *at, const char *line, struct source *source,
		 bool *ret_of_map);

// After the last line. Fails where the log has lost its beginning, and the map's with it.
int map_log_end(const struct map_log *log, const struct place *at, struct source *source);

#endif
