// SPDX-License-Identifier: BSD-2-Clause
// A file on the partition, written from beginning to end: in the clear, or as an age file. The caller adds
// the file's content. `stream` counts and digests the bytes on the disk, which are encrypted in an age file.
//
// An age file is sealed chunk by chunk, by the helpers or by this CPU. No chunk is ever written again with
// other content. The last chunk is sealed as such, so a full chunk is held back until a byte follows or the
// file ends.
#ifndef LIFEBOAT_CRASH_DUMP_OUTPUT_H
#define LIFEBOAT_CRASH_DUMP_OUTPUT_H

#include "crash/dump/helpers.h"
#include "crash/dump/stream.h"
#include "lifeboat/crypt.h"

// The means with which a file is encrypted.
struct lb_sealing {
	struct lb_crypt_file *file; // key and beginning; lb_output_end() wipes them
	struct lb_chunk *room; // from lb_chunk_new(); for one file at a time
	bool helped; // the open helpers seal the chunks; `room` serves lb_output_read() only
};

struct lb_output {
	struct lb_stream stream;
	struct lb_sealing sealing; // .file NULL: in the clear
	struct lb_chunk *chunk; // the one that is being filled; NULL: none
	uint64_t chunks; // the number of those begun
	uint64_t bytes; // of content
	uint64_t read; // number of the chunk that was read into `room`, plus 1; 0: none
	uint32_t prefix; // bytes before the first chunk
};

// Begins a file; `start` and `limit` are lb_stream_open()'s. `sealing` NULL: in the clear. Fails where the
// key is wiped or was never made, and where the file's beginning has no room.
int lb_output_open(struct lb_output *output, struct lb_partition *partition, uint64_t start, uint64_t limit,
		   const struct lb_sealing *sealing, struct lb_error *err);

// Bytes of content that still fit.
uint64_t lb_output_room(const struct lb_output *output);

// Each does as its namesake in stream.h.
int lb_output_add(struct lb_output *output, const void *data, uint64_t bytes, struct lb_error *err);
int lb_output_add_zeroes(struct lb_output *output, uint64_t bytes, struct lb_error *err);
int lb_output_align(struct lb_output *output, uint64_t align, struct lb_error *err);

// Gives the partition all that was added; of an age file all sealed chunks.
int lb_output_settle(struct lb_output *output, struct lb_error *err);
// Seals the last chunk, settles the file, and wipes the key, also on failure. Nothing can be added
// afterwards.
int lb_output_end(struct lb_output *output, struct lb_error *err);
// Leaves the file as it is: takes all chunks back from the helpers, and wipes the key.
void lb_output_abandon(struct lb_output *output);

// Reads content of an age file back, from settled chunks: the full ones that a byte follows. Fails where a
// chunk is not as it was sealed.
int lb_output_read(struct lb_output *output, uint64_t at, void *data, uint64_t bytes, struct lb_error *err);

#endif
