// SPDX-License-Identifier: BSD-2-Clause
// Files of a system that may lie below another folder than "/".
#ifndef LIFEBOAT_TOOLS_CTL_FILE_H
#define LIFEBOAT_TOOLS_CTL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/format.h"

#define FILE_PATH 4096 // bytes of a path, its NUL included

// A file's content, and a NUL behind it. The caller frees `data`.
struct content {
	char *data; // NULL: none
	size_t bytes;
};

// Joins `root` and `path`; `root` is "" for the running system. Fails where the result does not fit.
int file_path(const char *root, const char *path, char ret_path[FILE_PATH], struct lb_error *err);

// Reads all of a file of at most `max` bytes, by read() alone: efivarfs has no seeking. -1 with errno;
// EFBIG where it is longer.
int file_read(const char *path, size_t max, struct content *ret_content);

// The first line of a file below `root`, without its line feed; "" where it cannot be read. What has no room
// is left out.
void file_line(const char *root, const char *path, char *ret_line, size_t room);

bool file_exists(const char *root, const char *path);

#endif
