// SPDX-License-Identifier: BSD-2-Clause
// Where a file lies on its partition: pieces (struct lb_extent) in the file's order.
#ifndef LIFEBOAT_CRASH_DISK_EXTENTS_H
#define LIFEBOAT_CRASH_DISK_EXTENTS_H

#include "lib/format.h"
#include "lifeboat/dumpfile.h"

// What a file's pieces are checked against.
struct lb_extents_room {
	uint32_t block_bytes; // a power of two, up to 4096
	uint64_t bytes; // size of the partition
};

// Fails, naming the piece, unless there are 1 to LB_MAX_EXTENTS pieces. Each piece is of whole 4 KiB
// blocks, aligned to the disk's blocks, inside the partition, and overlaps no other; the first has room
// for the dump's two headers.
int lb_extents_check(const struct lb_extent *extents, uint32_t count, const struct lb_extents_room *room,
		     struct lb_error *err);

// The sum of all pieces' bytes. lb_extents_check() has passed them.
uint64_t lb_extents_bytes(const struct lb_extent *extents, uint32_t count);

// The place on the partition of the file's byte `offset`. *ret_bytes: how many bytes of the file follow
// in the same piece; 0 when the offset is beyond the file.
uint64_t lb_extents_find(const struct lb_extent *extents, uint32_t count, uint64_t offset,
			 uint64_t *ret_bytes);

#endif
