// SPDX-License-Identifier: BSD-2-Clause
// Calls a function with every memory map there is: those in tests/data/maps, and those of real machines if
// the folder LIFEBOAT_MAPS (../shared/data/e820 unless set) exists. Included after cmocka.
#ifndef LIFEBOAT_TESTS_UNIT_EACH_MAP_H
#define LIFEBOAT_TESTS_UNIT_EACH_MAP_H

#include <dirent.h>

#include "map_file.h"
#include "unit.h"

#define EACH_MAP_OWN "tests/data/maps"
#define EACH_MAP_OWN_MIN 16U

// Gets one map, which is tidy and may only be read. `name` is for messages.
typedef void each_map_fn(const char *name, const struct lb_e820 *map);

static inline const char *each_map_real_folder(void)
{
	const char *folder = getenv("LIFEBOAT_MAPS");

	return folder && *folder ? folder : "../shared/data/e820";
}

static inline void each_map_call(const char *path, const struct map_file *file, each_map_fn *fn)
{
	struct lb_e820 map = {.capacity = 2 * file->count};
	struct lb_error err = {""};

	map.entries = calloc(map.capacity, sizeof(*map.entries));
	assert_non_null(map.entries);
	for (uint32_t i = 0; i < file->count; i++) {
		const struct boot_e820_entry *entry = &file->entries[i];

		if (lb_e820_add(&map, (struct lb_range){entry->addr, entry->addr + entry->size}, entry->type,
				&err))
			fail_msg("%s: %s", path, err.text);
	}
	if (lb_e820_tidy(&map, &err))
		fail_msg("%s: %s", path, err.text);
	fn(path, &map);
	free(map.entries);
}

// Calls `fn` with each map of a folder; returns their number, or 0 without the folder.
static inline unsigned int each_map_in(const char *folder, each_map_fn *fn)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);
	unsigned int maps = 0;

	for (int i = 0; i < count; i++) {
		const char *ending = strrchr(names[i]->d_name, '.');
		struct map_file file;
		char error[2048];
		char path[1024];

		if (ending && strcmp(ending, ".e820") == 0) {
			snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
			if (map_file_read(path, &file, error, sizeof(error)))
				fail_msg("%s", error);
			each_map_call(path, &file, fn);
			map_file_free(&file);
			maps++;
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return maps;
}

static inline void each_own_map(each_map_fn *fn)
{
	assert_true(each_map_in(EACH_MAP_OWN, fn) >= EACH_MAP_OWN_MIN);
}

// Calls `fn` with each real map. Skips the test if there is no such folder.
static inline void each_real_map(each_map_fn *fn)
{
	const char *folder = each_map_real_folder();
	unsigned int maps = each_map_in(folder, fn);

	if (maps == 0) {
		print_message("%s: no maps there (LIFEBOAT_MAPS names another folder): skipped\n", folder);
		skip();
	}
	print_message("%s: %u maps\n", folder, maps);
}

// Lists the map's ranges of one type, or of all `others`, in ascending order and apart. `trim`: whole pages
// only. At most map->count ranges.
static inline size_t each_map_ranges(const struct lb_e820 *map, uint32_t type, bool others, bool trim,
				     struct lb_range *ret_ranges)
{
	size_t count = 0;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct boot_e820_entry *entry = &map->entries[i];
		struct lb_range range = {entry->addr, entry->addr + entry->size};

		if ((entry->type == type) == others)
			continue;
		if (trim)
			range = (struct lb_range){lb_align_up(range.start, LB_PAGE),
						  lb_align_down(range.end, LB_PAGE)};
		if (range.start < range.end)
			ret_ranges[count++] = range;
	}
	return count;
}

#endif
