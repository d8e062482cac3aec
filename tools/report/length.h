// SPDX-License-Identifier: BSD-2-Clause
// Whether a dump's file is as long as its own tables announce: one that was copied in part is not.
#ifndef LIFEBOAT_TOOLS_REPORT_LENGTH_H
#define LIFEBOAT_TOOLS_REPORT_LENGTH_H

#include "lib/format.h"

// Fails where the regular file `file`, a 64-bit ELF core or kdump-compressed, is shorter than that; its
// sentence begins with `name`. Reads the whole table of pages. One file of a split dump, and other formats,
// are not judged.
int length_check(int file, const char *name, struct lb_error *err);

#endif
