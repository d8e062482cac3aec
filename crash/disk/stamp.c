// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/stamp.h"

#include <stdbool.h>

#include "lib/mem.h"

// A stamp as 64-bit words, for speed: while booting, 64 MiB of stamps are checked.
struct words {
	uint64_t magic, id[2], offset;
};
_Static_assert(sizeof(struct words) == LB_STAMP_BYTES, "as struct lb_stamp");

static struct words stamp_of(const uint8_t file_id[16])
{
	struct words stamp = {.magic = LB_STAMP_MAGIC};

	memcpy(stamp.id, file_id, sizeof(stamp.id));
	return stamp;
}

void lb_stamp_fill(const uint8_t file_id[16], uint64_t offset, void *data, uint64_t bytes)
{
	struct words stamp = stamp_of(file_id), *to = data;

	for (uint64_t at = 0; at < bytes; at += LB_STAMP_BYTES) {
		stamp.offset = offset + at;
		*to++ = stamp;
	}
}

static bool is_stamped(const struct words *stamp, uint64_t offset, const struct words *block)
{
	uint64_t differs = 0;

	for (uint64_t at = 0; at < LB_DUMP_BLOCK; at += LB_STAMP_BYTES, block++)
		differs |= (block->magic ^ stamp->magic) | (block->id[0] ^ stamp->id[0]) |
			   (block->id[1] ^ stamp->id[1]) | (block->offset ^ (offset + at));
	return !differs;
}

uint64_t lb_stamp_check(const uint8_t file_id[16], uint64_t offset, const void *data, uint64_t bytes)
{
	const struct words stamp = stamp_of(file_id);
	uint64_t good = 0;

	while (bytes - good >= LB_DUMP_BLOCK &&
	       is_stamped(&stamp, offset + good, (const struct words *)((const uint8_t *)data + good)))
		good += LB_DUMP_BLOCK;
	return good;
}
