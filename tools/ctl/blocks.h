// SPDX-License-Identifier: BSD-2-Clause
// Where a file's bytes lie on its partition, as the file system tells.
#ifndef LIFEBOAT_TOOLS_CTL_BLOCKS_H
#define LIFEBOAT_TOOLS_CTL_BLOCKS_H

#include "lib/format.h"
#include "lifeboat/dumpfile.h"

// The pieces of the first `bytes` (whole blocks of 4 KiB) of the open file `fd`, by FIEMAP, else by FIBMAP.
// All of it is on the disk when this returns. Fails, saying why, where a piece is not plain: not written
// yet, shared with another file, compressed, encrypted, inside an inode; where a piece is no whole blocks
// of 4 KiB; and where there are too many.
int blocks_find(int fd, uint64_t bytes, struct lb_extent ret_extents[LB_MAX_EXTENTS], uint32_t *ret_count,
		struct lb_error *err);

#endif
