// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/extents.h"

#include "lifeboat/range.h"

static int check_one(const struct lb_extent *extents, uint32_t i, const struct lb_extents_room *room,
		     struct lb_error *err)
{
	const struct lb_extent *one = &extents[i];

	if (!one->bytes || !lb_aligned(one->bytes, LB_DUMP_BLOCK))
		return lb_fail(err, "piece %u has %lu bytes, wanted whole blocks of %d", i, one->bytes,
			       LB_DUMP_BLOCK);
	if (!lb_aligned(one->start, room->block_bytes))
		return lb_fail(err, "piece %u begins at byte %lu, wanted a multiple of the disk's %u", i,
			       one->start, room->block_bytes);
	if (one->start > room->bytes || one->bytes > room->bytes - one->start)
		return lb_fail(err, "piece %u has %lu bytes from byte %lu on, the partition has %lu", i,
			       one->bytes, one->start, room->bytes);
	for (uint32_t j = 0; j < i; j++) {
		if (one->start < extents[j].start + extents[j].bytes &&
		    extents[j].start < one->start + one->bytes)
			return lb_fail(err, "pieces %u and %u lie on the same blocks", j, i);
	}
	return 0;
}

int lb_extents_check(const struct lb_extent *extents, uint32_t count, const struct lb_extents_room *room,
		     struct lb_error *err)
{
	if (!count || count > LB_MAX_EXTENTS)
		return lb_fail(err, "%u pieces, wanted 1 to %d", count, LB_MAX_EXTENTS);
	for (uint32_t i = 0; i < count; i++) {
		if (check_one(extents, i, room, err) != 0)
			return -1;
	}
	if (extents[0].bytes < LB_DUMP_SLOTS_BYTES)
		return lb_fail(err, "piece 0 has %lu bytes, wanted %d for the dump's headers at least",
			       extents[0].bytes, LB_DUMP_SLOTS_BYTES);
	return 0;
}

uint64_t lb_extents_bytes(const struct lb_extent *extents, uint32_t count)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++)
		bytes += extents[i].bytes;
	return bytes;
}

uint64_t lb_extents_find(const struct lb_extent *extents, uint32_t count, uint64_t offset,
			 uint64_t *ret_bytes)
{
	for (uint32_t i = 0; i < count; i++) {
		if (offset < extents[i].bytes) {
			*ret_bytes = extents[i].bytes - offset;
			return extents[i].start + offset;
		}
		offset -= extents[i].bytes;
	}
	*ret_bytes = 0;
	return 0;
}
