// SPDX-License-Identifier: BSD-2-Clause
#include "tools/common/unflatten.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define HEAD_BYTES 4096 // the first piece lies behind
#define TYPE_FLAT 1
#define VERSION 1
#define END (-1)
#define COPY_BYTES 65536

// Numbers are big endian.
struct flat_head {
	char signature[16];
	uint8_t type[8], version[8];
};

struct flat_piece {
	uint8_t offset[8], bytes[8];
};

static int64_t number(const uint8_t bytes[8])
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return (int64_t)value;
}

// Reads; returns the number of bytes, fewer than wanted only at the file's end; -1 with errno.
static ssize_t read_at(int from, void *to, size_t bytes, int64_t at)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t count = pread(from, (char *)to + done, bytes - done, at + (int64_t)done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (!count)
			break;
		done += (size_t)count;
	}
	return (ssize_t)done;
}

static int write_at(int to, const char *data, size_t bytes, int64_t at)
{
	while (bytes) {
		ssize_t count = pwrite(to, data, bytes, at);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return -1;
		data += count;
		at += count;
		bytes -= (size_t)count;
	}
	return 0;
}

bool unflatten_wants(int from)
{
	struct flat_head head;

	return read_at(from, &head, sizeof(head), 0) == sizeof(head) &&
	       memcmp(head.signature, "makedumpfile\0\0\0\0", sizeof(head.signature)) == 0 &&
	       number(head.type) == TYPE_FLAT && number(head.version) == VERSION;
}

// Copies the data of one piece: `bytes` from `at` of the flattened file to `offset` of the dump.
static int copy_piece(int from, int64_t at, int to, int64_t offset, int64_t bytes)
{
	static char buffer[COPY_BYTES];

	while (bytes) {
		size_t now = bytes < COPY_BYTES ? (size_t)bytes : COPY_BYTES;
		ssize_t count = read_at(from, buffer, now, at);

		if (count >= 0 && (size_t)count < now)
			errno = ENODATA;
		if (count < 0 || (size_t)count < now || write_at(to, buffer, now, offset) != 0)
			return -1;
		at += (int64_t)now;
		offset += (int64_t)now;
		bytes -= (int64_t)now;
	}
	return 0;
}

int unflatten(int from, const char *name, int to, struct lb_error *err)
{
	int64_t at = HEAD_BYTES;

	for (;;) {
		struct flat_piece piece;
		ssize_t count = read_at(from, &piece, sizeof(piece), at);
		int64_t offset, bytes, end;

		if (count < 0)
			return lb_fail(err, "%s: %s", name, strerror(errno));
		if ((size_t)count < sizeof(piece)) {
			lb_fail(err, "%s: flattened, and cut at byte %lu: it has no end", name,
				(unsigned long)at);
			return UNFLATTEN_CUT;
		}
		offset = number(piece.offset);
		bytes = number(piece.bytes);
		if (offset == END && bytes == END)
			return 0;
		at += (int64_t)sizeof(piece);
		if (offset < 0 || bytes <= 0 || __builtin_add_overflow(offset, bytes, &end) ||
		    __builtin_add_overflow(at, bytes, &end))
			return lb_fail(err,
				       "%s: flattened: its piece at byte %lu has %ld bytes at %ld, want both "
				       "in a file",
				       name, (unsigned long)at, (long)bytes, (long)offset);
		if (copy_piece(from, at, to, offset, bytes) != 0) {
			const bool cut = errno == ENODATA;

			lb_fail(err, "%s: flattened: its piece at byte %lu of %ld bytes: %s", name,
				(unsigned long)at, (long)bytes,
				cut ? "the file ends before" : strerror(errno));
			return cut ? UNFLATTEN_CUT : -1;
		}
		at += bytes;
	}
}
