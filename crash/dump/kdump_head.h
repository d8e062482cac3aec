// SPDX-License-Identifier: BSD-2-Clause
// The first part of a kdump-compressed file: everything before the page descriptors.
#ifndef LIFEBOAT_CRASH_DUMP_KDUMP_HEAD_H
#define LIFEBOAT_CRASH_DUMP_KDUMP_HEAD_H

#include "crash/dead/uts.h"
#include "crash/dump/helpers.h"
#include "crash/dump/stream.h"
#include "crash/dump/writer.h"

// Which page frames are to be dumped: as lb_filter_next(), from frame 0 on, once.
struct lb_page_choice {
	void (*next)(void *ctx, uint64_t pages, uint8_t *bits);
	void *ctx;
};

struct lb_page_desc {
	uint64_t offset; // in the file; 0: lost
	uint32_t bytes;
	uint32_t flags; // LB_COMPRESS_...
	uint64_t page_flags; // nobody reads them
};
_Static_assert(sizeof(struct lb_page_desc) == 24, "page_desc");

// A piece of a bitmap in memory: 2 GiB of RAM.
#define LB_BITMAP_PIECE (64 * LB_KIB)

struct lb_kdump {
	struct lb_writer *writer;
	const struct lb_dump_job *job;
	struct lb_dump_header *next; // the writer's
	struct lb_stream head, desc, data;
	struct lb_sha256 head_sha; // of the head as it is when complete: without INCOMPLETE
	struct lb_uts uts;
	uint64_t sub_blocks;
	uint64_t bitmap_bytes; // of one, whole blocks
	uint8_t *ram_bits, *dump_bits; // LB_BITMAP_PIECE each
	struct lb_batch *filling;
	uint64_t pages_done;
	uint64_t checkpoint_ms, checkpoint_data; // time and bytes of data at the last one
};

// From byte `at` of a bitmap on: how many are in one piece.
static inline uint64_t lb_kdump_piece(const struct lb_kdump *kdump, uint64_t at)
{
	return kdump->bitmap_bytes - at < LB_BITMAP_PIECE ? kdump->bitmap_bytes - at : LB_BITMAP_PIECE;
}

// Writes headers, notes and bitmaps, fills in where the rest goes, and begins the streams of
// descriptors and data. Fails also when the partition has no room for any page.
int lb_kdump_head(struct lb_kdump *kdump, const struct lb_page_choice *choice, struct lb_error *err);

// Writes the file's first block again, without INCOMPLETE, and flushes it.
int lb_kdump_complete(struct lb_kdump *kdump, struct lb_error *err);

#endif
