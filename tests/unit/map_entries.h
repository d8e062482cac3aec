// SPDX-License-Identifier: BSD-2-Clause
// Memory maps written as lists of their entries.
#ifndef LIFEBOAT_TESTS_UNIT_MAP_ENTRIES_H
#define LIFEBOAT_TESTS_UNIT_MAP_ENTRIES_H

#include <string.h>

#include "crash/plan/e820.h"
#include "unit.h"

#define ROOM 64

struct entry {
	uint64_t start, end;
	uint32_t type;
};

static struct boot_e820_entry room[ROOM]; // entries of one map at a time

static inline struct lb_e820 empty_map(uint32_t capacity)
{
	memset(room, 0xee, sizeof(room));
	return (struct lb_e820){.entries = room, .capacity = capacity};
}

static inline struct lb_e820 map_of(const struct entry *entries, unsigned int count)
{
	struct lb_e820 map = empty_map(ROOM);
	struct lb_error err = {""};

	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(lb_e820_add(&map, (struct lb_range){entries[i].start, entries[i].end},
					     entries[i].type, &err),
				 0);
	return map;
}

// Makes a map of these entries, in the given order.
#define MAP(...)                                                                                             \
	map_of((const struct entry[]){__VA_ARGS__},                                                          \
	       sizeof((const struct entry[]){__VA_ARGS__}) / sizeof(struct entry))

static inline void check_entries(const struct lb_e820 *map, const struct entry *wanted, unsigned int count)
{
	assert_int_equal(map->count, count);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(map->entries[i].addr, wanted[i].start);
		assert_int_equal(map->entries[i].addr + map->entries[i].size, wanted[i].end);
		assert_int_equal(map->entries[i].type, wanted[i].type);
	}
}

// Expects the map to have exactly these entries.
#define CHECK(map, ...)                                                                                      \
	check_entries(map, (const struct entry[]){__VA_ARGS__},                                              \
		      sizeof((const struct entry[]){__VA_ARGS__}) / sizeof(struct entry))

#endif
