// SPDX-License-Identifier: BSD-2-Clause
// Property: given any bytes as a file map, lb_file_map_check() reports what is wrong, or the pieces make up
// the file: each of its bytes has one place, and no two bytes have the same place.
//
// The first byte says whether the digest is made right, so that the checks behind it are reached.
#include "crash/disk/extents.h"
#include "crash/disk/file_map.h"
#include "fuzz.h"

static void check_pieces(const struct lb_file_map *map)
{
	uint64_t offset = 0, bytes;

	for (uint32_t i = 0; i < map->extent_count; i++, offset += bytes) {
		const uint64_t start = lb_extents_find(map->extents, map->extent_count, offset, &bytes);

		fuzz_check(bytes && bytes % LB_DUMP_BLOCK == 0 && start + bytes > start);
		fuzz_check(start == map->extents[i].start);
		for (uint32_t j = 0; j < i; j++)
			fuzz_check(start + bytes <= map->extents[j].start ||
				   map->extents[j].start + map->extents[j].bytes <= start);
	}
	fuzz_check(offset == map->file_bytes);
	lb_extents_find(map->extents, map->extent_count, offset, &bytes);
	fuzz_check(!bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	const bool mend = fuzz_take(&input, 1) & 1;
	struct lb_file_map *map = fuzz_alloc(sizeof(*map));
	const size_t given = input.left < sizeof(*map) ? input.left : sizeof(*map);
	struct lb_error err;

	memset(map, 0, sizeof(*map));
	if (given)
		memcpy(map, input.next, given);
	if (mend)
		lb_file_map_seal(map);
	fuzz_poison_error(&err);
	if (lb_file_map_check(map, mend ? sizeof(*map) : input.left, &err) != 0) {
		fuzz_check_error(&err, "file map: ");
	} else {
		check_pieces(map);
		fuzz_check(strlen(map->esp_path) < sizeof(map->esp_path));
		fuzz_check(strlen(map->host_path) < sizeof(map->host_path));
	}
	free(map);
	return 0;
}
