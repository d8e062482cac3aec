// SPDX-License-Identifier: BSD-2-Clause
// A file on the partition, written from its beginning to its end: in the clear, or as an age file. What is
// added is the file's content; of an age file `stream` counts and digests what is on the disk.
//
// An age file is sealed chunk by chunk, on the CPUs that compress or here. No chunk is ever written again
// with other content. The last one is known when the file ends: until then a full chunk is held back.
#ifndef LIFEBOAT_CRASH_DUMP_OUTPUT_H
#define LIFEBOAT_CRASH_DUMP_OUTPUT_H

#include "crash/dump/helpers.h"
#include "crash/dump/stream.h"
#include "lifeboat/crypt.h"

// The means with which a file is encrypted.
struct lb_sealing {
	struct lb_crypt_file *file; // key and beginning: wiped by lb_output_end()
	struct lb_chunk *room; // lb_chunk_new()'s, for one file at a time
	bool helped; // the helpers are open, and seal: `room` serves lb_output_read() only
};

struct lb_output {
	struct lb_stream stream;
	struct lb_sealing sealing; // .file NULL: in the clear
	struct lb_chunk *chunk; // that is filled; NULL: none
	uint64_t chunks; // that are sealed or on their way
	uint64_t bytes; // of content
	uint64_t read; // chunk in `room` + 1; 0: none
	uint32_t prefix; // bytes before the first chunk
};

// `start` and `limit` as lb_stream_open(). `sealing` NULL: in the clear. Fails where the key was used or never
// made, and where there is no room for the file's beginning.
int lb_output_open(struct lb_output *output, struct lb_partition *partition, uint64_t start, uint64_t limit,
		   const struct lb_sealing *sealing, struct lb_error *err);

// Bytes of content that still fit.
uint64_t lb_output_room(const struct lb_output *output);

// These three do as those of lb_stream.
int lb_output_add(struct lb_output *output, const void *data, uint64_t bytes, struct lb_error *err);
int lb_output_add_zeroes(struct lb_output *output, uint64_t bytes, struct lb_error *err);
int lb_output_align(struct lb_output *output, uint64_t align, struct lb_error *err);

// Gives the partition what can be given: of an age file whole chunks that are sealed.
int lb_output_settle(struct lb_output *output, struct lb_error *err);
// The same with the last chunk; the key is wiped, whatever the result. Nothing is added any more.
int lb_output_end(struct lb_output *output, struct lb_error *err);
// Leaves the file as it is: what the helpers have is taken back, the key is wiped.
void lb_output_abandon(struct lb_output *output);

// Reads content of an age file back, from chunks that are full and have a byte behind them. Fails where one is
// not as it was sealed.
int lb_output_read(struct lb_output *output, uint64_t at, void *data, uint64_t bytes, struct lb_error *err);

#endif
