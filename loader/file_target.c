// SPDX-License-Identifier: BSD-2-Clause
#include "loader/file_target.h"

#include "crash/disk/extents.h"
#include "crash/disk/file_map.h"
#include "crash/disk/stamp.h"
#include "lib/mem.h"
#include "loader/budget.h"
#include "loader/file.h"
#include "loader/print.h"

// One read of the firmware. Large, for each read has a fixed price.
#define PIECE LB_MIB

int lb_file_target_map(const struct lb_dump_to *to, bool *ret_there, struct lb_file_map *ret_map,
		       struct lb_error *err)
{
	const UINTN bytes = lb_file_read_short(lb_dump_to_map(to), ret_map, sizeof(*ret_map));
	struct lb_error why;

	*ret_there = bytes != 0;
	if (!bytes)
		return lb_fail(err, "%.120s cannot be read: lifeboatctl install --reserve makes it",
			       lb_dump_to_map(to));
	if (lb_file_map_check(ret_map, bytes, &why) != 0)
		return lb_fail(err, "%.100s: %s", lb_dump_to_map(to), why.text);
	return 0;
}

int lb_file_target_place(const struct lb_file_map *map, struct lb_target *target, struct lb_error *err)
{
	const struct lb_extents_room room = {
		target->block_bytes, (target->last_block - target->first_block + 1) * target->block_bytes};
	struct lb_error why;

	if (lb_extents_check(map->extents, map->extent_count, &room, &why) != 0)
		return lb_fail(err, "its map does not fit: %s", why.text);
	memcpy(target->file_id, map->file_id, sizeof(target->file_id));
	memcpy(target->extents, map->extents, sizeof(target->extents));
	target->extent_count = map->extent_count;
	return 0;
}

int lb_file_target_is_there(const struct lb_dump_to *to, const struct lb_file_map *map, struct lb_error *err)
{
	const char *path = lb_dump_to_map(to), *behind = lb_path_behind_volume(path);
	char whole[LB_MAX_PATH];
	UINTN bytes;

	if (!map->esp_path[0])
		return 0;
	// On the map's volume.
	lb_snprintf(whole, sizeof(whole), "%.*s%s", behind ? (int)(behind - path) : 0, path, map->esp_path);
	if (EFI_ERROR(lb_file_size(whole, &bytes, err)))
		return -1;
	if (bytes != map->file_bytes)
		return lb_fail(err, "%.120s has %lu bytes, its map says %lu", whole, (unsigned long)bytes,
			       (unsigned long)map->file_bytes);
	return 0;
}

uint64_t lb_target_block(const struct lb_target *target, uint64_t offset, uint64_t *ret_bytes)
{
	const uint64_t all = (target->last_block - target->first_block + 1) * target->block_bytes;

	*ret_bytes = all > offset ? all - offset : 0;
	if (target->extent_count)
		offset = lb_extents_find(target->extents, target->extent_count, offset, ret_bytes);
	return target->first_block + offset / target->block_bytes;
}

// Checks the stamps of `bytes` from `offset` on, which lie in one piece of the file.
static int check_piece(const struct lb_blockdev *device, const struct lb_target *target, uint64_t offset,
		       void *room, uint64_t bytes, struct lb_error *err)
{
	uint64_t ignored, good;
	EFI_STATUS status;

	if (lb_budget_low())
		return lb_fail(err,
			       "its stamps: the firmware's disks are too slow to read all of it: %lu of %lu "
			       "bytes were read",
			       (unsigned long)offset,
			       (unsigned long)lb_extents_bytes(target->extents, target->extent_count));
	status = lb_blockdev_read(device, lb_target_block(target, offset, &ignored), room, bytes);
	if (EFI_ERROR(status))
		return lb_fail(err, "its stamps cannot be read: %s", lb_status_text(status));
	good = lb_stamp_check(target->file_id, offset, room, bytes);
	if (good != bytes)
		return lb_fail(
			err,
			"its block at byte %lu has no stamp: the file was moved, copied or deleted, or a "
			"dump is still in it; `lifeboatctl install --reserve` makes it anew",
			(unsigned long)(offset + good));
	return 0;
}

int lb_file_target_stamped(const struct lb_blockdev *device, const struct lb_target *target,
			   struct lb_error *err)
{
	uint64_t offset = LB_DUMP_SLOTS_BYTES, bytes;
	EFI_PHYSICAL_ADDRESS room;
	int result = 0;

	if (EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiLoaderData, lb_pages(PIECE), &room)))
		return lb_fail(err, "firmware: no memory for its stamps");
	while (result == 0) {
		lb_target_block(target, offset, &bytes);
		if (!bytes)
			break;
		if (bytes > PIECE)
			bytes = PIECE;
		result = check_piece(device, target, offset, (void *)(uintptr_t)room, bytes, err);
		offset += bytes;
	}
	BS->FreePages(room, lb_pages(PIECE));
	return result;
}
