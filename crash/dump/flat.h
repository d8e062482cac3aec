// SPDX-License-Identifier: BSD-2-Clause
// A file in makedumpfile's flattened form: pieces in the order in which they were made, each with its offset
// in the file that they are pieces of. So a file whose first block is known last can be written, and
// encrypted, from beginning to end. Numbers are big endian.
// Source: makedumpfile 1.7.2's manual (-F, -R) and its IMPLEMENTATION.
#ifndef LIFEBOAT_CRASH_DUMP_FLAT_H
#define LIFEBOAT_CRASH_DUMP_FLAT_H

#include "crash/dump/output.h"

#define LB_FLAT_PIECE 16U // bytes of a piece's header, before its data

struct lb_flat {
	struct lb_output output;
};

// Opens an age file, as lb_output_open() does.
int lb_flat_open(struct lb_flat *flat, struct lb_partition *partition, uint64_t start, uint64_t limit,
		 const struct lb_sealing *sealing, struct lb_error *err);
// Bytes of pieces, headers and data, that still fit before the mark of the file's end.
uint64_t lb_flat_room(const struct lb_flat *flat);
// Adds a piece: `bytes` (1 and up) at `offset` of the file.
int lb_flat_put(struct lb_flat *flat, uint64_t offset, const void *data, uint64_t bytes,
		struct lb_error *err);
// Adds a piece of zeroes at `offset`: at least `least`, and as many as let all earlier pieces be read back
// once the output is settled. *ret_bytes: the number of zeroes.
int lb_flat_pad(struct lb_flat *flat, uint64_t offset, uint64_t least, uint64_t *ret_bytes,
		struct lb_error *err);
// Adds the mark of the file's end, and calls lb_output_end().
int lb_flat_end(struct lb_flat *flat, struct lb_error *err);

#endif
