// SPDX-License-Identifier: BSD-2-Clause
// The first part of a kdump-compressed file: everything before the page descriptors.
#ifndef LIFEBOAT_CRASH_DUMP_KDUMP_HEAD_H
#define LIFEBOAT_CRASH_DUMP_KDUMP_HEAD_H

#include "crash/dead/uts.h"
#include "crash/dump/desc_table.h"
#include "crash/dump/flat.h"
#include "crash/dump/helpers.h"
#include "crash/dump/stream.h"
#include "crash/dump/writer.h"

// A choice of page frames, asked for once, from frame 0 on. lb_filter_next() chooses the frames that are
// dumped. lb_kernel_pages_keep() chooses those of them that are written first.
struct lb_page_choice {
	void (*next)(void *ctx, uint64_t pages, uint8_t *bits);
	void *ctx;
	void (*rewind)(void *ctx); // next() begins at frame 0 again
};

// Bytes of a bitmap that are in memory at a time; they stand for 2 GiB of RAM.
#define LB_BITMAP_PIECE (64 * LB_KIB)

_Static_assert(LB_DESC_AHEAD_BYTES <= LB_BITMAP_PIECE, "it reads into that memory");

struct lb_kdump {
	struct lb_writer *writer;
	const struct lb_dump_job *job;
	struct lb_dump_header *next; // writer->next
	struct lb_flat *flat; // of an encrypted file; NULL: `head`, `data` and `table` write the parts
	struct lb_stream head, data;
	struct lb_desc_table table;
	struct lb_sha256 head_sha; // of the head without INCOMPLETE, as a complete file has it
	uint64_t head_bytes, data_bytes; // so far; flattening not counted
	uint64_t desc_offset, data_offset; // in the file; flattening not counted
	uint64_t bitmap2_at; // offset of bitmap 2's first piece in the flattened file
	struct lb_uts uts;
	uint64_t sub_blocks;
	uint64_t bitmap_bytes; // of one bitmap, whole blocks
	uint8_t *ram_bits, *dump_bits; // LB_BITMAP_PIECE each; later `table` reads ahead into ram_bits
	const struct lb_page_choice *own; // chooses the first pass's pages; NULL: there is one pass
	bool own_only; // only the kernel's own pages have room
	bool last_pass;
	uint64_t index; // of the page at hand, among those to be dumped
	struct lb_batch *filling;
	uint64_t pages_done;
	uint64_t checkpoint_ms, checkpoint_data; // time and data_bytes at the last checkpoint
};

// The bytes of the piece of a bitmap that begins at byte `at`.
static inline uint64_t lb_kdump_piece(const struct lb_kdump *kdump, uint64_t at)
{
	return kdump->bitmap_bytes - at < LB_BITMAP_PIECE ? kdump->bitmap_bytes - at : LB_BITMAP_PIECE;
}

// Writes headers, notes and bitmaps, fills in the offsets of the other parts, writes the descriptors as
// zeroes, and begins the data. Flattened: the descriptors are a hole, and the bitmaps can be read back. Where
// the descriptors of all chosen pages would take more than half of the room behind the bitmaps, bitmap 2 has
// the kernel's own pages only. Fails also when the partition has no room for any page.
int lb_kdump_head(struct lb_kdump *kdump, const struct lb_page_choice *choice, struct lb_error *err);

// Reads back the piece of bitmap 2 that begins at byte `at` and has `bytes`, as lb_kdump_piece() says.
int lb_kdump_bitmap(struct lb_kdump *kdump, uint64_t at, uint64_t bytes, uint8_t *bits, struct lb_error *err);

// Writes the file's first block again, without INCOMPLETE, and flushes it. Flattened: adds a piece with the
// new status.
int lb_kdump_complete(struct lb_kdump *kdump, struct lb_error *err);

#endif
