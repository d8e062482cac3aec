// SPDX-License-Identifier: BSD-2-Clause
// How far a copy is, on a terminal.
#ifndef LIFEBOAT_TOOLS_SAVE_PROGRESS_H
#define LIFEBOAT_TOOLS_SAVE_PROGRESS_H

#include "tools/save/copy.h"

// Progress of a copy to `fd` (-1: only the digests); shown unless `quiet`, or where nobody looks.
struct copying progress_copying(int fd, bool quiet);

#endif
