// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dump/output.h"

#include "lib/mem.h"

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_sealed(const struct lb_output *output)
{
	return output->sealing.file;
}

int lb_output_open(struct lb_output *output, struct lb_partition *partition, uint64_t start, uint64_t limit,
		   const struct lb_sealing *sealing, struct lb_error *err)
{
	const struct lb_crypt_file *file = sealing ? sealing->file : NULL;

	memset(output, 0, sizeof(*output));
	lb_stream_open(&output->stream, partition, start, limit);
	if (!sealing)
		return 0;
	if (!file || !file->prefix_bytes || file->prefix_bytes > sizeof(file->prefix) || !sealing->room)
		return lb_fail(err, "encryption: there is no key for this file");
	output->sealing = *sealing;
	output->prefix = file->prefix_bytes;
	return lb_stream_add(&output->stream, file->prefix, file->prefix_bytes, err);
}

uint64_t lb_output_room(const struct lb_output *output)
{
	const uint64_t all = output->stream.limit - output->stream.start;
	uint64_t room, content;

	if (!is_sealed(output))
		return lb_stream_room(&output->stream);
	room = all > output->prefix ? all - output->prefix : 0;
	content = room / LB_CHUNK_SEALED * LB_CHUNK_PLAIN;
	room %= LB_CHUNK_SEALED;
	content += room > LB_CRYPT_TAG ? room - LB_CRYPT_TAG : 0;
	return content > output->bytes ? content - output->bytes : 0;
}

static int put_chunk(struct lb_output *output, const struct lb_chunk *chunk, struct lb_error *err)
{
	return lb_stream_add(&output->stream, chunk->sealed, chunk->bytes + LB_CRYPT_TAG, err);
}

static int collect_chunk(struct lb_output *output, struct lb_error *err)
{
	const struct lb_chunk *chunk = lb_helpers_chunk_collect();

	return chunk ? put_chunk(output, chunk, err) : 0;
}

static int begin_chunk(struct lb_output *output, struct lb_error *err)
{
	struct lb_chunk *chunk = output->sealing.helped ? NULL : output->sealing.room;

	while (!chunk) {
		chunk = lb_helpers_chunk_get();
		if (!chunk && collect_chunk(output, err) != 0)
			return -1;
	}
	chunk->key = output->sealing.file->key;
	chunk->place = (struct lb_chunk_place){output->chunks++, false};
	chunk->bytes = 0;
	output->chunk = chunk;
	return 0;
}

static int seal_chunk(struct lb_output *output, struct lb_error *err)
{
	struct lb_chunk *chunk = output->chunk;

	output->chunk = NULL;
	if (output->sealing.helped) {
		lb_helpers_chunk_submit(chunk);
		return 0;
	}
	lb_chunk_run(chunk);
	return put_chunk(output, chunk, err);
}

// `data` NULL: zeroes.
static int fill_chunks(struct lb_output *output, const uint8_t *data, uint64_t bytes, struct lb_error *err)
{
	while (bytes) {
		struct lb_chunk *chunk;
		uint64_t piece;

		// More bytes follow, so this chunk is not the last.
		if (output->chunk && output->chunk->bytes == LB_CHUNK_PLAIN && seal_chunk(output, err) != 0)
			return -1;
		if (!output->chunk && begin_chunk(output, err) != 0)
			return -1;
		chunk = output->chunk;
		piece = min64(bytes, LB_CHUNK_PLAIN - chunk->bytes);
		if (data)
			memcpy(chunk->plain + chunk->bytes, data, piece);
		else
			memset(chunk->plain + chunk->bytes, 0, piece);
		chunk->bytes += (uint32_t)piece;
		data = data ? data + piece : NULL;
		bytes -= piece;
		output->bytes += piece;
	}
	return 0;
}

static int add(struct lb_output *output, const void *data, uint64_t bytes, struct lb_error *err)
{
	if (is_sealed(output)) {
		if (bytes > lb_output_room(output))
			return lb_fail(err, "full: %lu bytes at 0x%lx of the partition, only %lu are left",
				       bytes, output->stream.start + output->stream.bytes,
				       lb_output_room(output));
		return fill_chunks(output, data, bytes, err);
	}
	if ((data ? lb_stream_add(&output->stream, data, bytes, err)
		  : lb_stream_add_zeroes(&output->stream, bytes, err)) != 0)
		return -1;
	output->bytes += bytes;
	return 0;
}

int lb_output_add(struct lb_output *output, const void *data, uint64_t bytes, struct lb_error *err)
{
	return add(output, data, bytes, err);
}

int lb_output_add_zeroes(struct lb_output *output, uint64_t bytes, struct lb_error *err)
{
	return add(output, NULL, bytes, err);
}

int lb_output_align(struct lb_output *output, uint64_t align, struct lb_error *err)
{
	return add(output, NULL, lb_align_up(output->bytes, align) - output->bytes, err);
}

static int collect_all(struct lb_output *output, struct lb_error *err)
{
	const struct lb_chunk *chunk;

	while (output->sealing.helped && (chunk = lb_helpers_chunk_collect()) != NULL) {
		if (put_chunk(output, chunk, err) != 0)
			return -1;
	}
	return 0;
}

int lb_output_settle(struct lb_output *output, struct lb_error *err)
{
	return collect_all(output, err) != 0 ? -1 : lb_stream_settle(&output->stream, err);
}

void lb_output_abandon(struct lb_output *output)
{
	if (!is_sealed(output))
		return;
	if (output->sealing.helped) {
		if (output->chunk)
			lb_helpers_chunk_submit(output->chunk); // back into the ring
		while (lb_helpers_chunk_collect())
			continue;
	}
	output->chunk = NULL;
	lb_crypt_wipe(output->sealing.file, sizeof(*output->sealing.file));
}

static int put_last(struct lb_output *output, struct lb_error *err)
{
	if (!output->chunk && begin_chunk(output, err) != 0)
		return -1;
	output->chunk->place.last = true;
	return seal_chunk(output, err);
}

int lb_output_end(struct lb_output *output, struct lb_error *err)
{
	int result = is_sealed(output) ? put_last(output, err) : 0;

	if (result == 0)
		result = lb_output_settle(output, err);
	lb_output_abandon(output);
	return result;
}

// Reads the whole blocks that hold a chunk into `room`, and decrypts the chunk there: *ret_plain.
static int load_chunk(struct lb_output *output, uint64_t number, uint8_t **ret_plain, struct lb_error *err)
{
	const uint64_t at = output->stream.start + output->prefix + number * LB_CHUNK_SEALED;
	const uint64_t from = lb_align_down(at, LB_PAGE), to = lb_align_up(at + LB_CHUNK_SEALED, LB_PAGE);
	uint8_t *blocks = output->sealing.room->plain;

	*ret_plain = blocks + (at - from);
	if (output->read == number + 1)
		return 0;
	output->read = 0;
	if (lb_partition_read(output->stream.partition, from, blocks, (uint32_t)(to - from), err) != 0)
		return -1;
	if (!lb_chunk_open(output->sealing.file->key, (struct lb_chunk_place){number, false}, *ret_plain,
			   LB_CHUNK_SEALED))
		return lb_fail(err, "read back from the disk: chunk %lu is not the one that was written",
			       number);
	output->read = number + 1;
	return 0;
}

int lb_output_read(struct lb_output *output, uint64_t at, void *data, uint64_t bytes, struct lb_error *err)
{
	uint8_t *to = data;

	while (bytes) {
		const uint64_t within = at % LB_CHUNK_PLAIN, piece = min64(bytes, LB_CHUNK_PLAIN - within);
		uint8_t *plain;

		if (load_chunk(output, at / LB_CHUNK_PLAIN, &plain, err) != 0)
			return -1;
		memcpy(to, plain + within, piece);
		to += piece;
		at += piece;
		bytes -= piece;
	}
	return 0;
}
