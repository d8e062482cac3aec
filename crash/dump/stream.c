// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dump/stream.h"

#include "lib/mem.h"

void lb_stream_open(struct lb_stream *stream, struct lb_partition *partition, uint64_t start, uint64_t limit)
{
	memset(stream, 0, sizeof(*stream));
	stream->partition = partition;
	stream->start = start;
	stream->limit = limit > start ? limit : start;
	lb_sha256_begin(&stream->sha);
}

uint64_t lb_stream_room(const struct lb_stream *stream)
{
	return stream->limit - stream->start - stream->bytes;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

// Takes the next buffer. It begins with what is on the disk of a block that lb_stream_settle() wrote in
// part.
static int begin_buffer(struct lb_stream *stream, struct lb_error *err)
{
	uint64_t held = stream->bytes % LB_PAGE;

	stream->buffer = lb_partition_take(stream->partition, err);
	if (!stream->buffer)
		return -1;
	stream->buffer_at = stream->bytes - held;
	memcpy(stream->buffer, stream->tail, held);
	return 0;
}

// Gives the partition the buffer, up to the end of the block with the last byte.
static int end_buffer(struct lb_stream *stream, struct lb_error *err)
{
	uint64_t held = stream->bytes - stream->buffer_at;
	uint64_t whole = lb_align_up(held, LB_PAGE);
	uint8_t *buffer = stream->buffer;

	memset(buffer + held, 0, whole - held);
	memcpy(stream->tail, buffer + lb_align_down(held, LB_PAGE), held % LB_PAGE);
	stream->buffer = NULL;
	if (lb_partition_put(stream->partition, buffer, stream->start + stream->buffer_at, (uint32_t)whole,
			     err) == 0)
		return 0;
	stream->broken = true;
	return -1;
}

// `data` NULL: zeroes.
static int add(struct lb_stream *stream, const uint8_t *data, uint64_t bytes, struct lb_error *err)
{
	if (bytes > lb_stream_room(stream))
		return lb_fail(err, "full: %lu bytes at 0x%lx of the partition, only %lu are left", bytes,
			       stream->start + stream->bytes, lb_stream_room(stream));
	while (bytes) {
		uint64_t piece;
		uint8_t *to;

		if (!stream->buffer && begin_buffer(stream, err) != 0)
			return -1;
		to = stream->buffer + (stream->bytes - stream->buffer_at);
		piece = min64(bytes, LB_PARTITION_BUFFER - (stream->bytes - stream->buffer_at));
		if (data)
			memcpy(to, data, piece);
		else
			memset(to, 0, piece);
		// The digest is of the copy: the bytes that it was read from may change.
		lb_sha256_add(&stream->sha, to, piece);
		data = data ? data + piece : NULL;
		bytes -= piece;
		stream->bytes += piece;
		if (stream->bytes - stream->buffer_at == LB_PARTITION_BUFFER && end_buffer(stream, err) != 0)
			return -1;
	}
	return 0;
}

int lb_stream_add(struct lb_stream *stream, const void *data, uint64_t bytes, struct lb_error *err)
{
	return add(stream, data, bytes, err);
}

int lb_stream_add_zeroes(struct lb_stream *stream, uint64_t bytes, struct lb_error *err)
{
	return add(stream, NULL, bytes, err);
}

int lb_stream_align(struct lb_stream *stream, uint64_t align, struct lb_error *err)
{
	return add(stream, NULL, lb_align_up(stream->bytes, align) - stream->bytes, err);
}

int lb_stream_settle(struct lb_stream *stream, struct lb_error *err)
{
	if (stream->broken)
		return lb_fail(err, "what was written before did not reach the partition");
	return stream->buffer ? end_buffer(stream, err) : 0;
}

void lb_stream_digest(const struct lb_stream *stream, uint8_t ret_digest[LB_SHA256_BYTES])
{
	struct lb_sha256 sha = stream->sha;

	lb_sha256_end(&sha, ret_digest);
}
