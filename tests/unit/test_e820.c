// SPDX-License-Identifier: BSD-2-Clause
// The rules of memory maps: small cases by hand, and random tables compared with a judge that knows the raw
// entries only.
#include <stdlib.h>
#include <string.h>

#include "crash/plan/e820.h"
#include "map_entries.h"
#include "unit.h"

static void tidy(struct lb_e820 *map)
{
	struct lb_error err = {""};

	if (lb_e820_tidy(map, &err) != 0)
		fail_msg("%s", err.text);
}

static void test_add(void **state)
{
	struct lb_e820 map = empty_map(2);
	struct lb_error err = {""};

	(void)state;
	assert_int_equal(lb_e820_add(&map, (struct lb_range){5, 5}, LB_E820_RAM, &err), 0);
	assert_int_equal(lb_e820_add(&map, (struct lb_range){0, 5}, 0, &err), 0);
	assert_int_equal(map.count, 0);
	assert_int_equal(lb_e820_add(&map, (struct lb_range){6, 5}, LB_E820_RAM, &err), -1);
	assert_non_null(strstr(err.text, "0x6"));
	assert_int_equal(lb_e820_add(&map, (struct lb_range){0, UINT64_MAX}, LB_E820_RAM, &err), 0);
	assert_int_equal(lb_e820_add(&map, (struct lb_range){1, 2}, LB_E820_RAM, &err), 0);
	assert_int_equal(lb_e820_add(&map, (struct lb_range){3, 4}, LB_E820_RAM, &err), -1);
	assert_non_null(strstr(err.text, "room for 2"));
	assert_int_equal(map.count, 2);
}

// A range extends the last entry only if it begins where that entry ends and has the same type.
static void test_append(void **state)
{
	struct lb_e820 map = MAP({0, 5, 1});
	struct lb_error err = {""};

	(void)state;
	map.capacity = 3;
	assert_int_equal(lb_e820_append(&map, (struct lb_range){5, 9}, 1, &err), 0);
	assert_int_equal(lb_e820_append(&map, (struct lb_range){9, 10}, 2, &err), 0);
	assert_int_equal(lb_e820_append(&map, (struct lb_range){11, 12}, 2, &err), 0);
	assert_int_equal(lb_e820_append(&map, (struct lb_range){12, 13}, 2, &err), 0);
	CHECK(&map, {0, 9, 1}, {9, 10, 2}, {11, 13, 2});
	assert_int_equal(lb_e820_append(&map, (struct lb_range){13, 14}, 1, &err), -1);
	assert_non_null(strstr(err.text, "room for 3"));
}

static void test_tidy_sorts_and_merges(void **state)
{
	struct lb_e820 map =
		MAP({0x3000, 0x4000, 2}, {0x1000, 0x2000, 1}, {0x2000, 0x3000, 1}, {0, 0x1000, 1});

	(void)state;
	tidy(&map);
	CHECK(&map, {0, 0x3000, 1}, {0x3000, 0x4000, 2});
}

static void test_tidy_larger_type_wins(void **state)
{
	struct lb_e820 map = MAP({0, 100, 1}, {40, 60, 2});

	(void)state;
	tidy(&map);
	CHECK(&map, {0, 40, 1}, {40, 60, 2}, {60, 100, 1});

	map = MAP({40, 60, 1}, {0, 100, 2});
	tidy(&map);
	CHECK(&map, {0, 100, 2});

	map = MAP({0, 50, 2}, {30, 90, 1}, {80, 95, 3});
	tidy(&map);
	CHECK(&map, {0, 50, 2}, {50, 80, 1}, {80, 95, 3});

	map = MAP({0, 10, 1}, {0, 10, 1}, {0, 10, 2});
	tidy(&map);
	CHECK(&map, {0, 10, 2});
}

// Two adjacent ranges of devices stay two entries.
static void test_tidy_keeps_devices_apart(void **state)
{
	struct lb_e820 map = MAP({0, 10, LB_E820_SOFT_RESERVED}, {10, 20, LB_E820_SOFT_RESERVED},
				 {20, 30, 12}, {30, 40, 12}, {40, 50, 1}, {50, 60, 1});

	(void)state;
	tidy(&map);
	CHECK(&map, {0, 10, LB_E820_SOFT_RESERVED}, {10, 20, LB_E820_SOFT_RESERVED}, {20, 30, 12},
	      {30, 40, 12}, {40, 60, 1});
}

static void test_tidy_full(void **state)
{
	struct lb_e820 map = MAP({0, 100, 1}, {40, 60, 2});
	struct lb_error err = {""};

	(void)state;
	map.capacity = 2;
	assert_int_equal(lb_e820_tidy(&map, &err), -1);
	assert_non_null(strstr(err.text, "room for 2"));
	CHECK(&map, {0, 100, 1}, {40, 60, 2});
}

static uint32_t type_at(const struct boot_e820_entry *entries, uint32_t count, uint64_t addr)
{
	uint32_t type = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (entries[i].addr <= addr && addr < entries[i].addr + entries[i].size &&
		    entries[i].type > type)
			type = entries[i].type;
	}
	return type;
}

#define SPACE 48 // number of addresses in the random tables

static void check_tidy(const struct lb_e820 *map)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct boot_e820_entry *entry = &map->entries[i];

		assert_true(entry->size > 0 && entry->type > 0);
		if (i == 0)
			continue;
		assert_true(entry[-1].addr + entry[-1].size <= entry->addr);
		assert_false(entry[-1].addr + entry[-1].size == entry->addr && entry[-1].type == entry->type);
	}
}

// Random tables, then random cuts and retypes. Every address has the type that the raw entries give it.
static void test_random_tables(void **state)
{
	struct lb_error err = {""};

	(void)state;
	srand(20);
	for (unsigned int round = 0; round < 20000; round++) {
		struct lb_e820 map = empty_map(ROOM);
		uint32_t wanted[SPACE] = {0};
		uint64_t ram = 0;

		for (int i = rand() % 12; i >= 0; i--) {
			uint64_t start = (uint64_t)rand() % SPACE;
			uint64_t end = start + (uint64_t)rand() % (SPACE - start) + 1;

			assert_int_equal(lb_e820_add(&map, (struct lb_range){start, end},
						     1 + (uint32_t)rand() % 5, &err),
					 0);
		}
		for (uint64_t addr = 0; addr < SPACE; addr++)
			wanted[addr] = type_at(map.entries, map.count, addr);
		tidy(&map);
		check_tidy(&map);
		for (unsigned int change = 0; change < 3; change++) {
			uint64_t start = (uint64_t)rand() % SPACE;
			uint64_t end = start + (uint64_t)rand() % (SPACE - start + 1);
			uint32_t from = 1 + (uint32_t)rand() % 5;
			uint32_t to = 1 + (uint32_t)rand() % 5;
			bool cut = rand() % 2;

			if (cut)
				assert_int_equal(lb_e820_cut(&map, (struct lb_range){start, end}, &err), 0);
			else
				assert_int_equal(
					lb_e820_retype(&map, (struct lb_range){start, end}, from, to, &err),
					0);
			for (uint64_t addr = start; addr < end; addr++) {
				if (cut)
					wanted[addr] = 0;
				else if (wanted[addr] == from)
					wanted[addr] = to;
			}
			check_tidy(&map);
		}
		for (uint64_t addr = 0; addr < SPACE; addr++) {
			assert_int_equal(type_at(map.entries, map.count, addr), wanted[addr]);
			ram += wanted[addr] == LB_E820_RAM;
			assert_true(wanted[addr] == 0 ||
				    lb_e820_all(&map, (struct lb_range){addr, addr + 1}, wanted[addr]));
		}
		assert_int_equal(lb_e820_ram(&map, (struct lb_range){0, SPACE}), ram);
	}
}

static void test_all(void **state)
{
	struct lb_e820 map = MAP({10, 20, 1}, {20, 30, 2}, {40, 50, 1});

	(void)state;
	assert_true(lb_e820_all(&map, (struct lb_range){10, 20}, 1));
	assert_true(lb_e820_all(&map, (struct lb_range){12, 12}, 5));
	assert_false(lb_e820_all(&map, (struct lb_range){9, 20}, 1));
	assert_false(lb_e820_all(&map, (struct lb_range){10, 21}, 1));
	assert_false(lb_e820_all(&map, (struct lb_range){49, 51}, 1));
	assert_false(lb_e820_all(&map, (struct lb_range){60, 61}, 1));
}

// Each change to the map is made by a function of its own, because a refusal names the function that asked.
static int ask_add(struct lb_e820 *map, struct lb_error *err)
{
	return lb_e820_add(map, (struct lb_range){0x10, 0x20}, 1, err);
}

static int ask_append(struct lb_e820 *map, struct lb_error *err)
{
	return lb_e820_append(map, (struct lb_range){0x10, 0x20}, 1, err);
}

static int ask_tidy(struct lb_e820 *map, struct lb_error *err)
{
	return lb_e820_tidy(map, err);
}

static int ask_cut(struct lb_e820 *map, struct lb_error *err)
{
	return lb_e820_cut(map, (struct lb_range){0x10, 0x20}, err);
}

static int ask_retype(struct lb_e820 *map, struct lb_error *err)
{
	return lb_e820_retype(map, (struct lb_range){0x10, 0x20}, 1, 2, err);
}

static void test_sealed_refuses(void **state)
{
	static const struct {
		int (*ask)(struct lb_e820 *map, struct lb_error *err);
		const char *wanted;
	} asks[] = {
		{ask_add, "ask_add() wanted to add 0x10-0x20, but the table of 2 entries is sealed"},
		{ask_append, "ask_append() wanted to append 0x10-0x20, but the table of 2 entries is sealed"},
		{ask_tidy, "ask_tidy() wanted to tidy a table of 2 entries that is sealed"},
		{ask_cut, "ask_cut() wanted to cut 0x10-0x20, but the table of 2 entries is sealed"},
		{ask_retype, "ask_retype() wanted to retype 0x10-0x20, but the table of 2 entries is sealed"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		struct lb_e820 map = MAP({0, 100, 1}, {0x100000, 0x200000, 1});
		struct lb_error err = {""};

		assert_int_equal(asks[i].ask(&map, NULL), 0); // not sealed yet
		map = MAP({0, 100, 1}, {0x100000, 0x200000, 1});
		lb_e820_seal(&map);
		assert_int_equal(asks[i].ask(&map, &err), -1);
		if (!strstr(err.text, asks[i].wanted))
			fail_msg("\"%s\" does not say \"%s\"", err.text, asks[i].wanted);
		CHECK(&map, {0, 100, 1}, {0x100000, 0x200000, 1});
	}
}

// Extreme maps: the same page in every entry, entries inside entries, the end of the address space.
static void test_absurd(void **state)
{
	struct lb_e820 map = empty_map(ROOM);
	struct lb_error err = {""};

	(void)state;
	for (uint32_t i = 0; i < ROOM; i++)
		assert_int_equal(lb_e820_add(&map, (struct lb_range){0x1000, 0x2000}, 1 + i % 5, &err), 0);
	tidy(&map);
	CHECK(&map, {0x1000, 0x2000, 5});

	map = empty_map(ROOM);
	for (uint64_t i = 0; i < ROOM / 2; i++)
		assert_int_equal(
			lb_e820_add(&map, (struct lb_range){i, UINT64_MAX - i}, 1 + (uint32_t)i, &err), 0);
	tidy(&map);
	assert_int_equal(map.count, ROOM - 1); // each entry is cut into two, except the innermost
	assert_true(map.entries[0].addr == 0 && map.entries[0].type == 1);
	assert_true(map.entries[ROOM - 2].addr + map.entries[ROOM - 2].size == UINT64_MAX);
	assert_int_equal(map.entries[ROOM / 2 - 1].type, ROOM / 2);

	map = empty_map(4);
	tidy(&map);
	assert_int_equal(map.count, 0);
	assert_int_equal(lb_e820_ram(&map, (struct lb_range){0, UINT64_MAX}), 0);
	assert_false(lb_e820_all(&map, (struct lb_range){0, 1}, 1));
}

static void test_type_text(void **state)
{
	(void)state;
	assert_string_equal(lb_e820_type_text(LB_E820_RAM), "RAM");
	assert_string_equal(lb_e820_type_text(LB_E820_SOFT_RESERVED), "soft reserved");
	assert_string_equal(lb_e820_type_text(20), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_tidy_sorts_and_merges),
		cmocka_unit_test(test_tidy_larger_type_wins),
		cmocka_unit_test(test_tidy_keeps_devices_apart),
		cmocka_unit_test(test_tidy_full),
		cmocka_unit_test(test_random_tables),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_sealed_refuses),
		cmocka_unit_test(test_absurd),
		cmocka_unit_test(test_type_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
