// SPDX-License-Identifier: BSD-2-Clause
// Files from the volume we were loaded from ("\EFI\x") or from one the UEFI shell
// has a name for ("fs0:\x"), whole, into page-aligned EfiLoaderData. Messages begin
// with the path.
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

// *ret_file is written only on success; lb_file_free() it. EFI_NOT_FOUND: there is
// no such file.
EFI_STATUS lb_file_read(const char *path, struct lb_file *ret_file, struct lb_error *err);

// Several files one behind the other, each begun at a multiple of 4 bytes, zeros
// between, as the kernel wants its initrds. At least one.
EFI_STATUS lb_file_read_all(const char (*paths)[LB_MAX_PATH], uint32_t count, struct lb_file *ret_file,
			    struct lb_error *err);

// A file's bytes, by its directory entry; fails also where it is empty.
EFI_STATUS lb_file_size(const char *path, UINTN *ret_bytes, struct lb_error *err);

// Whether there is such a file; a directory will do.
bool lb_file_exists(const char *path);

// Up to `bytes` bytes of a file into `to`; how many. 0: there is none, or it cannot be read.
UINTN lb_file_read_short(const char *path, void *to, UINTN bytes);

// Writes over the file's first bytes, and makes the file where there is none, in a folder that is there.
EFI_STATUS lb_file_write(const char *path, void *data, UINTN bytes);

// Frees the pages and leaves an empty struct; may be called on one.
void lb_file_free(struct lb_file *file);

// The whole device path of `path`, in pool memory.
EFI_STATUS lb_file_device_path(const char *path, EFI_DEVICE_PATH **ret_device_path, struct lb_error *err);

#endif
