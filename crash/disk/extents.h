// SPDX-License-Identifier: BSD-2-Clause
// Where a file lies on its partition: pieces (struct lb_extent) in the file's order.
#ifndef LIFEBOAT_CRASH_DISK_EXTENTS_H
#define LIFEBOAT_CRASH_DISK_EXTENTS_H

#include "lib/format.h"
#include "lifeboat/dumpfile.h"

// The disk's facts that a file's pieces have to fit to.
struct lb_extents_room {
	uint32_t block_bytes; // a power of two, up to 4096
	uint64_t bytes; // of the partition
};

// Fails, saying which piece, unless there are 1 to LB_MAX_EXTENTS pieces of whole blocks of 4 KiB, each on the
// disk's blocks and inside the partition, none on another; and unless the dump's two headers are in the first.
int lb_extents_check(const struct lb_extent *extents, uint32_t count, const struct lb_extents_room *room,
		     struct lb_error *err);

// All of them; of pieces that were checked.
uint64_t lb_extents_bytes(const struct lb_extent *extents, uint32_t count);

// The place on the partition of the file's byte `offset`; *ret_bytes: the bytes of the file that go on from
// there in one piece. 0 bytes: the offset is beyond the file.
uint64_t lb_extents_find(const struct lb_extent *extents, uint32_t count, uint64_t offset,
			 uint64_t *ret_bytes);

#endif
