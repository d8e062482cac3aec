// SPDX-License-Identifier: BSD-2-Clause
// Puts files onto the ESP, all of them or none.
#ifndef LIFEBOAT_TOOLS_CTL_PLACE_H
#define LIFEBOAT_TOOLS_CTL_PLACE_H

#include <stdbool.h>

#include "tools/ctl/file.h"

#define PLACED_MAX 16U

// The files and folders that were made so far, the newest last.
struct placed {
	struct {
		char path[FILE_PATH];
		bool folder;
	} list[PLACED_MAX];
	unsigned int count;
};

enum place_state { PLACE_ABSENT, PLACE_OTHER, PLACE_SAME };

// Compares the file with these bytes.
enum place_state place_compare(const char *path, const void *data, size_t bytes);

// Makes the folders of `path` below `base` that are not there; notes them in *placed.
int place_folders(const char *base, const char *path, struct placed *placed, struct lb_error *err);

// Makes the folders of `path` below `base` that are not there, and the file: by a temporary name, on the
// disk, then renamed. What was not there before is noted in *placed.
int place_file(const char *base, const char *path, const struct content *content, struct placed *placed,
	       struct lb_error *err);

// Removes what was noted.
void place_undo(struct placed *placed);

#endif
