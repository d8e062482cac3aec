// SPDX-License-Identifier: BSD-2-Clause
// One run of bytes on the partition, written from beginning to end through the partition's buffers: a
// dump's log, head, page descriptors or page data.
#ifndef LIFEBOAT_CRASH_DUMP_STREAM_H
#define LIFEBOAT_CRASH_DUMP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crash/disk/partition.h"
#include "lib/sha256.h"

// Holds one of the partition's buffers between lb_stream_add() and lb_stream_settle().
struct lb_stream {
	struct lb_partition *partition;
	uint64_t start, limit; // bytes from the partition's beginning; it may use [start, limit)
	uint64_t bytes; // added until now
	uint8_t *buffer; // NULL: none now
	uint64_t buffer_at; // place in the stream of the buffer's beginning, a multiple of 4 KiB
	bool broken; // a buffer was lost, so the stream cannot be settled any more
	uint8_t tail[LB_PAGE]; // the part of the last block that is on the disk already
	struct lb_sha256 sha; // of what was added
};

// `start` and `limit` are multiples of 4 KiB.
void lb_stream_open(struct lb_stream *stream, struct lb_partition *partition, uint64_t start, uint64_t limit);

// Bytes that still fit.
uint64_t lb_stream_room(const struct lb_stream *stream);

// Fails, with nothing added, when they do not fit; or as the partition does.
int lb_stream_add(struct lb_stream *stream, const void *data, uint64_t bytes, struct lb_error *err);
int lb_stream_add_zeroes(struct lb_stream *stream, uint64_t bytes, struct lb_error *err);
// The same up to a multiple of `align` (a power of two) from the stream's start.
int lb_stream_align(struct lb_stream *stream, uint64_t align, struct lb_error *err);

// Gives the partition all that was added, the last block filled with zeroes that do not count: the
// next that is added replaces them, so lb_partition_flush() has to come before that.
int lb_stream_settle(struct lb_stream *stream, struct lb_error *err);

// SHA-256 of all that was added; it can go on.
void lb_stream_digest(const struct lb_stream *stream, uint8_t ret_digest[LB_SHA256_BYTES]);

#endif
