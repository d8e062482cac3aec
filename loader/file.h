// SPDX-License-Identifier: BSD-2-Clause
// Whole files, read into page-aligned EfiLoaderData: from the volume we were loaded from ("\EFI\x"), or
// from one the UEFI shell has a name for ("fs0:\x"). Error messages begin with the path.
#ifndef LIFEBOAT_LOADER_FILE_H
#define LIFEBOAT_LOADER_FILE_H

#include <stdbool.h>

#include "lib/format.h"
#include "loader/firmware.h"
#include "loader/options/path.h"

struct lb_file {
	char path[LB_MAX_PATH];
	void *data; // page-aligned EfiLoaderData, of whoever called lb_file_read(); NULL: none
	UINTN bytes;
};

// Reads a file. *ret_file is written only on success; free it with lb_file_free(). EFI_NOT_FOUND: there is
// no such file.
EFI_STATUS lb_file_read(const char *path, struct lb_file *ret_file, struct lb_error *err);

// Reads one or more files into one buffer. Each starts at a multiple of 4 bytes, with zeros between, as the
// kernel wants its initrds.
EFI_STATUS lb_file_read_all(const char (*paths)[LB_MAX_PATH], uint32_t count, struct lb_file *ret_file,
			    struct lb_error *err);

// A file's bytes, by its directory entry; fails also where it is empty.
EFI_STATUS lb_file_size(const char *path, UINTN *ret_bytes, struct lb_error *err);

// True for a file and for a directory.
bool lb_file_exists(const char *path);

// Reads up to `bytes` bytes of a file into `to`, and returns how many. 0: no file, or it cannot be read.
UINTN lb_file_read_short(const char *path, void *to, UINTN bytes);

// Overwrites the file's first bytes. Creates a missing file, but no folder.
EFI_STATUS lb_file_write(const char *path, void *data, UINTN bytes);

// Frees the pages and empties the struct. An empty struct is fine, too.
void lb_file_free(struct lb_file *file);

// The whole device path of `path`, in pool memory.
EFI_STATUS lb_file_device_path(const char *path, EFI_DEVICE_PATH **ret_device_path, struct lb_error *err);

#endif
