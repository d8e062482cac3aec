// SPDX-License-Identifier: BSD-2-Clause
// A file in makedumpfile's flattened form: pieces in the order they were made, each with its place in the
// file. So it can be written, and encrypted, from its beginning to its end, whatever is known late.
// Source: makedumpfile 1.7.2's manual (-F, -R) and its IMPLEMENTATION. Numbers are big endian.
#ifndef LIFEBOAT_CRASH_DUMP_FLAT_H
#define LIFEBOAT_CRASH_DUMP_FLAT_H

#include "crash/dump/output.h"

#define LB_FLAT_PIECE 16U // bytes that a piece takes beside its data

struct lb_flat {
	struct lb_output output;
};

// An age file; as lb_output_open().
int lb_flat_open(struct lb_flat *flat, struct lb_partition *partition, uint64_t start, uint64_t limit,
		 const struct lb_sealing *sealing, struct lb_error *err);
// Bytes that still fit, pieces and their data, with the file's end behind them.
uint64_t lb_flat_room(const struct lb_flat *flat);
// `bytes` (1 and up) at `offset` of the file.
int lb_flat_put(struct lb_flat *flat, uint64_t offset, const void *data, uint64_t bytes,
		struct lb_error *err);
// Zeroes at `offset`, `least` of them or so many more that all that was put before can be read back, once settled;
// *ret_bytes is how many.
int lb_flat_pad(struct lb_flat *flat, uint64_t offset, uint64_t least, uint64_t *ret_bytes,
		struct lb_error *err);
// The mark of its end; then lb_output_end().
int lb_flat_end(struct lb_flat *flat, struct lb_error *err);

#endif
