// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/decrypt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tools/save/output.h"

#define PIECE_BYTES 16U
#define FLAT_SIGNATURE "makedumpfile\0\0\0"
#define IDENTITY_FILE_MAX 65536

// ---- Rearranging -----------------------------------------------------------------

// Fills `held` up to `wanted`; returns how many bytes of `data` that took.
static size_t hold(struct rearranging *flat, const uint8_t *data, size_t bytes, uint32_t wanted)
{
	const size_t missing = wanted - flat->held_bytes, taken = bytes < missing ? bytes : missing;

	memcpy(flat->held + flat->held_bytes, data, taken);
	flat->held_bytes += (uint32_t)taken;
	return taken;
}

static uint64_t number(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static int begin_piece(struct rearranging *flat, struct lb_error *err)
{
	const uint64_t offset = number(flat->held), bytes = number(flat->held + 8);
	uint64_t end;

	flat->held_bytes = 0;
	if (offset == UINT64_MAX && bytes == UINT64_MAX) {
		flat->state = REARRANGE_END;
		return 0;
	}
	if (!bytes || __builtin_add_overflow(offset, bytes, &end) || end > INT64_MAX)
		return lb_fail(err, "flattened: a piece of %lu bytes at %lu, want both in a file", bytes,
			       offset);
	flat->at = offset;
	flat->left = bytes;
	flat->state = REARRANGE_DATA;
	return 0;
}

static int rearrange(struct decrypting *decrypting, const uint8_t *data, size_t bytes, struct lb_error *err)
{
	struct rearranging *flat = &decrypting->flat;

	while (bytes) {
		size_t taken = bytes;

		switch (flat->state) {
		case REARRANGE_HEAD:
			taken = hold(flat, data, bytes, sizeof(flat->held));
			if (flat->held_bytes == sizeof(flat->held)) {
				flat->state = REARRANGE_PIECE;
				flat->held_bytes = 0;
			}
			break;
		case REARRANGE_PIECE:
			taken = hold(flat, data, bytes, PIECE_BYTES);
			if (flat->held_bytes == PIECE_BYTES && begin_piece(flat, err) != 0)
				return -1;
			break;
		case REARRANGE_DATA:
			taken = bytes < flat->left ? bytes : flat->left;
			if (output_write(decrypting->fd, flat->at, data, taken, err) != 0)
				return -1;
			flat->at += taken;
			flat->left -= taken;
			if (!flat->left)
				flat->state = REARRANGE_PIECE;
			break;
		default: // behind its end
			return lb_fail(err, "flattened: %zu bytes behind its end", bytes);
		}
		data += taken;
		bytes -= taken;
	}
	return 0;
}

// The first chunk tells whether the content is flattened: a flattened file is longer than its signature.
static int put_content(struct decrypting *decrypting, const uint8_t *data, size_t bytes, struct lb_error *err)
{
	struct rearranging *flat = &decrypting->flat;

	if (flat->state == REARRANGE_UNDECIDED)
		flat->state = bytes >= sizeof(FLAT_SIGNATURE) &&
					      !memcmp(data, FLAT_SIGNATURE, sizeof(FLAT_SIGNATURE))
				      ? REARRANGE_HEAD
				      : REARRANGE_NONE;
	if (flat->state != REARRANGE_NONE)
		return rearrange(decrypting, data, bytes, err);
	if (output_write(decrypting->fd, decrypting->written, data, bytes, err) != 0)
		return -1;
	decrypting->written += bytes;
	return 0;
}

// ---- Chunks ----------------------------------------------------------------------

static int open_chunk(struct decrypting *decrypting, bool last, struct lb_error *err)
{
	const struct lb_chunk_place place = {decrypting->chunks, last};

	if (decrypting->chunk_bytes < LB_CRYPT_TAG ||
	    !lb_chunk_open(decrypting->file.key, place, decrypting->chunk, decrypting->chunk_bytes))
		return lb_fail(err, "age: chunk %lu of 64 KiB%s is not the one that was written there",
			       decrypting->chunks, last ? ", the last," : "");
	decrypting->chunks++;
	return put_content(decrypting, decrypting->chunk, decrypting->chunk_bytes - LB_CRYPT_TAG, err);
}

static int add_payload(struct decrypting *decrypting, const uint8_t *data, size_t bytes, struct lb_error *err)
{
	while (bytes) {
		size_t room;

		if (decrypting->chunk_bytes == LB_CHUNK_SEALED) { // and more follows
			if (open_chunk(decrypting, false, err) != 0)
				return -1;
			decrypting->chunk_bytes = 0;
		}
		room = LB_CHUNK_SEALED - decrypting->chunk_bytes;
		room = bytes < room ? bytes : room;
		memcpy(decrypting->chunk + decrypting->chunk_bytes, data, room);
		decrypting->chunk_bytes += (uint32_t)room;
		data += room;
		bytes -= room;
	}
	return 0;
}

// Opens the file once there is as much of it as a header may have, or all.
static int open_file(struct decrypting *decrypting, struct lb_error *err)
{
	if (lb_age_open(decrypting->header, decrypting->header_bytes, decrypting->identities,
			&decrypting->file, err) != 0)
		return -1;
	decrypting->opened = true;
	return add_payload(decrypting, decrypting->header + decrypting->file.payload_at,
			   decrypting->header_bytes - decrypting->file.payload_at, err);
}

void decrypt_begin(struct decrypting *decrypting, const struct lb_identities *identities, int fd)
{
	memset(decrypting, 0, sizeof(*decrypting));
	decrypting->identities = identities;
	decrypting->fd = fd;
}

int decrypt_add(struct decrypting *decrypting, const uint8_t *data, size_t bytes, struct lb_error *err)
{
	size_t room = sizeof(decrypting->header) - decrypting->header_bytes;

	if (!decrypting->opened) {
		room = bytes < room ? bytes : room;
		memcpy(decrypting->header + decrypting->header_bytes, data, room);
		decrypting->header_bytes += (uint32_t)room;
		data += room;
		bytes -= room;
		if (decrypting->header_bytes == sizeof(decrypting->header) && open_file(decrypting, err) != 0)
			return -1;
	}
	return add_payload(decrypting, data, bytes, err);
}

int decrypt_end(struct decrypting *decrypting, bool cut, struct lb_error *err)
{
	int result = 0;

	if (!decrypting->opened)
		result = open_file(decrypting, err);
	if (result == 0 && (!cut || decrypting->chunk_bytes == LB_CHUNK_SEALED))
		result = open_chunk(decrypting, !cut, err);
	if (result == 0 && !cut && decrypting->flat.state != REARRANGE_NONE &&
	    decrypting->flat.state != REARRANGE_END)
		result = lb_fail(err, "flattened, and cut: it has no end");
	lb_crypt_wipe(&decrypting->file, sizeof(decrypting->file));
	return result;
}

// ---- Identities ------------------------------------------------------------------

int identities_load(const char *path, struct lb_identities *ret_identities, struct lb_error *err)
{
	static char text[IDENTITY_FILE_MAX];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct lb_error why;
	ssize_t count;
	size_t bytes = 0;
	int result;

	if (fd < 0)
		return lb_fail(err, "%s: %s", path, strerror(errno));
	while ((count = read(fd, text + bytes, sizeof(text) - bytes)) > 0)
		bytes += (size_t)count;
	if (count < 0)
		lb_fail(&why, "%s", strerror(errno));
	close(fd);
	result = count < 0 ? -1 : lb_identities_read(text, bytes, ret_identities, &why);
	lb_crypt_wipe(text, sizeof(text));
	return result == 0 ? 0 : lb_fail(err, "%s: %s", path, why.text);
}
