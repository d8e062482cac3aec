// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/file_map.h"

#include <stdbool.h>

#include "crash/disk/extents.h"
#include "lib/mem.h"
#include "lib/sha256.h"

void lb_file_map_seal(struct lb_file_map *map)
{
	map->magic = LB_FILE_MAP_MAGIC;
	map->version = LB_FILE_MAP_VERSION;
	map->bytes = sizeof(*map);
	lb_sha256(map, offsetof(struct lb_file_map, sha256), map->sha256);
}

static bool is_path(const char *text, size_t room)
{
	size_t i = 0;

	while (i < room && text[i]) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
		i++;
	}
	return i < room;
}

static int check_digest(const struct lb_file_map *map, uint64_t bytes, struct lb_error *err)
{
	uint8_t sha256[sizeof(map->sha256)];

	if (bytes < sizeof(*map))
		return lb_fail(err, "file map: %lu bytes, wanted %u", bytes, (unsigned int)sizeof(*map));
	if (map->magic != LB_FILE_MAP_MAGIC)
		return lb_fail(err, "file map: magic is 0x%lx, not Lifeboat's", map->magic);
	if (map->version != LB_FILE_MAP_VERSION || map->bytes != sizeof(*map) || bytes != sizeof(*map))
		return lb_fail(err, "file map: version %u of %u bytes, wanted version %d of %u", map->version,
			       map->bytes, LB_FILE_MAP_VERSION, (unsigned int)sizeof(*map));
	lb_sha256(map, offsetof(struct lb_file_map, sha256), sha256);
	if (memcmp(sha256, map->sha256, sizeof(sha256)) != 0)
		return lb_fail(err, "file map: its digest does not match its content");
	return 0;
}

int lb_file_map_check(const struct lb_file_map *map, uint64_t bytes, struct lb_error *err)
{
	// The disk is not known yet, so its size and block size are not checked.
	const struct lb_extents_room anywhere = {1, UINT64_MAX};
	struct lb_error why;

	if (check_digest(map, bytes, err) != 0)
		return -1;
	if (!is_path(map->esp_path, sizeof(map->esp_path)) ||
	    !is_path(map->host_path, sizeof(map->host_path)))
		return lb_fail(err, "file map: a path that is no printable text");
	if (map->file_bytes < LB_FILE_BYTES_MIN || map->file_bytes > LB_FILE_BYTES_MAX)
		return lb_fail(err, "file map: a file of %lu bytes, wanted %llu to %llu", map->file_bytes,
			       LB_FILE_BYTES_MIN, LB_FILE_BYTES_MAX);
	if (lb_extents_check(map->extents, map->extent_count, &anywhere, &why) != 0)
		return lb_fail(err, "file map: %s", why.text);
	if (lb_extents_bytes(map->extents, map->extent_count) != map->file_bytes)
		return lb_fail(err, "file map: pieces of %lu bytes, the file has %lu",
			       lb_extents_bytes(map->extents, map->extent_count), map->file_bytes);
	return 0;
}
