// SPDX-License-Identifier: BSD-2-Clause
// File names as the firmware writes them: "\EFI\BOOT\x" on the volume we were loaded from, "fs0:\x" on a
// volume that the UEFI shell has a name for. Pure.
#ifndef LIFEBOAT_LOADER_OPTIONS_PATH_H
#define LIFEBOAT_LOADER_OPTIONS_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/format.h"

#define LB_MAX_PATH 256 // bytes, NUL included

// Resolves `path` against the directory `base` ("" is "\") and turns "/" into "\". A path with a volume
// stays, "\x" gets base's volume, "x" is inside base. Fails when the result does not fit into `bytes`.
int lb_path_resolve(const char *base, const char *path, char *out, size_t bytes, struct lb_error *err);

// The directory of `path`, "\" for a file at the top. `out` holds lb_strlen(path) + 2 bytes.
void lb_path_directory(const char *path, char *out);

// The part behind the last slash, backslash or colon.
const char *lb_path_name(const char *path);

// The part behind "fs0:"; NULL when `path` names no volume.
const char *lb_path_behind_volume(const char *path);

// Whether `word` names the program whose file name is `own`. Case, directory and a missing ".efi" make no
// difference: shells leave them out.
bool lb_path_is_program(const char *word, const char *own);

#endif
