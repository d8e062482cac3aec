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

// Chooses the page frames that are to be dumped, as lb_filter_next() does, from frame 0 on, once; and those
// of them that come first, as lb_kernel_pages_keep() does.
struct lb_page_choice {
	void (*next)(void *ctx, uint64_t pages, uint8_t *bits);
	void *ctx;
	void (*rewind)(void *ctx); // from frame 0 on again
};

// A piece of a bitmap in memory: 2 GiB of RAM.
#define LB_BITMAP_PIECE (64 * LB_KIB)

_Static_assert(LB_DESC_AHEAD_BYTES <= LB_BITMAP_PIECE, "it reads into that memory");

struct lb_kdump {
	struct lb_writer *writer;
	const struct lb_dump_job *job;
	struct lb_dump_header *next; // the writer's
	struct lb_flat *flat; // an encrypted file, flattened; NULL: each part in its place, by the next four
	struct lb_stream head, data;
	struct lb_desc_table table;
	struct lb_sha256 head_sha; // of the head as it is when complete: without INCOMPLETE
	uint64_t head_bytes, data_bytes; // so far, of the file itself
	uint64_t desc_offset, data_offset; // in the file itself
	uint64_t bitmap2_at; // of its first piece, in the flattened file
	struct lb_uts uts;
	uint64_t sub_blocks;
	uint64_t bitmap_bytes; // of one, whole blocks
	uint8_t *ram_bits, *dump_bits; // LB_BITMAP_PIECE each; ram_bits is the table's afterwards
	const struct lb_page_choice *own; // NULL: one pass
	bool own_only; // there is room for no others
	bool last_pass;
	uint64_t index; // of the page that is looked at, among those to be dumped
	struct lb_batch *filling;
	uint64_t pages_done;
	uint64_t checkpoint_ms, checkpoint_data; // time and bytes of data at the last one
};

// The bytes of a bitmap that are in one piece from byte `at` on.
static inline uint64_t lb_kdump_piece(const struct lb_kdump *kdump, uint64_t at)
{
	return kdump->bitmap_bytes - at < LB_BITMAP_PIECE ? kdump->bitmap_bytes - at : LB_BITMAP_PIECE;
}

// Writes headers, notes and bitmaps, fills in where the rest goes, writes the descriptors as zeroes, and
// begins the stream of data. Where the descriptors of all that were chosen would take more than half of what
// bitmaps leave, only the kernel's own pages are in the bitmap. Fails also when the partition has no room for any page. Flattened: the descriptors
// are a hole, and the bitmaps can be read back.
int lb_kdump_head(struct lb_kdump *kdump, const struct lb_page_choice *choice, struct lb_error *err);

// Reads `bytes` of bitmap 2 back from its byte `at`, where lb_kdump_piece() makes pieces of it.
int lb_kdump_bitmap(struct lb_kdump *kdump, uint64_t at, uint64_t bytes, uint8_t *bits, struct lb_error *err);

// Writes the file's first block again, without INCOMPLETE, and flushes it. Flattened: puts its status.
int lb_kdump_complete(struct lb_kdump *kdump, struct lb_error *err);

#endif
