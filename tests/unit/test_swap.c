// SPDX-License-Identifier: BSD-2-Clause
// The purgatory's own swap, on a low megabyte with holes and firmware's ranges. RAM is exchanged with the
// backup, and nothing else is touched.
#include <stdlib.h>
#include <string.h>

#include "crash/plan/elfcore.h"
#include "purgatory/swap.c"
#include "unit.h"

#define LOW_BYTES ((size_t)LB_LOW_END)
#define MAX_ENTRIES 128
#define SPARE LB_PAGE // bytes behind the backup, which must not be written
#define ROUNDS 200

// The machine's low megabyte and the backup in crash memory, both aligned to pages.
static uint8_t *low, *backup;
static uint8_t low_before[LB_LOW_END], backup_before[LB_LOW_END + SPARE];
static struct boot_e820_entry room[MAX_ENTRIES];

static int make_memory(void **state)
{
	(void)state;
	low = aligned_alloc(LB_PAGE, LOW_BYTES);
	backup = aligned_alloc(LB_PAGE, LOW_BYTES + SPARE);
	return low && backup ? 0 : -1;
}

static int free_memory(void **state)
{
	(void)state;
	free(low);
	free(backup);
	return 0;
}

static void fill_memory(void)
{
	for (size_t i = 0; i < LOW_BYTES; i++)
		low_before[i] = low[i] = (uint8_t)rand();
	for (size_t i = 0; i < LOW_BYTES + SPARE; i++)
		backup_before[i] = backup[i] = (uint8_t)rand();
}

// Lists what lb_elfcore_swap() says, with addresses in this program's copy of the low megabyte.
static uint32_t list_ranges(const struct lb_e820 *map, struct lb_swap_range *ret_ranges)
{
	struct lb_range room_for_it = {(uintptr_t)backup, (uintptr_t)backup + LOW_BYTES};
	struct lb_error err = {""};
	uint32_t count = 0;

	if (lb_elfcore_swap(map, room_for_it, ret_ranges, LB_MAX_SWAP_RANGES, &count, &err))
		fail_msg("%s", err.text);
	for (uint32_t i = 0; i < count; i++)
		ret_ranges[i].phys += (uintptr_t)low;
	return count;
}

static bool whole_page_of_ram(const struct lb_e820 *map, uint64_t page)
{
	return lb_e820_all(map, (struct lb_range){page, page + LB_PAGE}, LB_E820_RAM);
}

// Compares page by page. The backup holds the pages of RAM one after the other.
static uint64_t check_swapped(const struct lb_e820 *map)
{
	uint64_t swapped = 0;

	for (uint64_t page = 0; page < LOW_BYTES; page += LB_PAGE) {
		const uint8_t *wanted = &low_before[page];

		if (whole_page_of_ram(map, page)) {
			wanted = &backup_before[swapped];
			assert_memory_equal(backup + swapped, &low_before[page], LB_PAGE);
			swapped += LB_PAGE;
		}
		assert_memory_equal(low + page, wanted, LB_PAGE);
	}
	assert_memory_equal(backup + swapped, backup_before + swapped, LOW_BYTES + SPARE - swapped);
	return swapped;
}

static uint64_t swap_twice(const struct lb_e820 *map)
{
	struct lb_swap_range ranges[LB_MAX_SWAP_RANGES];
	uint32_t count = list_ranges(map, ranges);
	uint64_t swapped;

	fill_memory();
	lb_swap(ranges, count);
	swapped = check_swapped(map);
	lb_swap(ranges, count);
	assert_memory_equal(low, low_before, LOW_BYTES);
	assert_memory_equal(backup, backup_before, LOW_BYTES + SPARE);
	return swapped;
}

static void add(struct lb_e820 *map, uint64_t start, uint64_t end, uint32_t type)
{
	assert_int_equal(lb_e820_add(map, (struct lb_range){start, end}, type, NULL), 0);
}

// Holes, firmware's pages among RAM, an EBDA not aligned to a page, RAM that reaches across 1 MiB.
// on above 1 MiB.
static void test_holes_and_firmware(void **state)
{
	struct lb_e820 map = {.entries = room, .capacity = MAX_ENTRIES};

	(void)state;
	add(&map, 0x1000, 0x30000, LB_E820_RAM);
	add(&map, 0x30000, 0x31000, LB_E820_NVS);
	add(&map, 0x31000, 0x58000, LB_E820_RAM);
	add(&map, 0x59000, 0x9bc00, LB_E820_RAM);
	add(&map, 0x9bc00, 0xa0000, LB_E820_RESERVED);
	add(&map, 0xe0000, 0xf0000, LB_E820_ACPI);
	add(&map, 0xff000, 0x40000000, LB_E820_RAM);
	assert_int_equal(lb_e820_tidy(&map, NULL), 0);
	assert_int_equal(swap_twice(&map), 0x2f000 + 0x27000 + 0x42000 + 0x1000);
}

static void test_no_low_ram(void **state)
{
	struct lb_e820 map = {.entries = room, .capacity = MAX_ENTRIES};

	(void)state;
	add(&map, 0, LB_LOW_END, LB_E820_RESERVED);
	add(&map, LB_LOW_END, 0x40000000, LB_E820_RAM);
	assert_int_equal(swap_twice(&map), 0);
}

static void test_all_of_it_is_ram(void **state)
{
	struct lb_e820 map = {.entries = room, .capacity = MAX_ENTRIES};

	(void)state;
	add(&map, 0, 0x40000000, LB_E820_RAM);
	assert_int_equal(swap_twice(&map), LB_LOW_END);
}

static void test_random_maps(void **state)
{
	static const uint32_t types[] = {LB_E820_RAM, LB_E820_RAM, LB_E820_RESERVED, LB_E820_NVS, 0};
	uint64_t swapped = 0;

	(void)state;
	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		struct lb_e820 map = {.entries = room, .capacity = MAX_ENTRIES};
		uint64_t at = 0;

		// At most 32 pieces, so there are at most LB_MAX_SWAP_RANGES of RAM.
		for (int piece = 0; piece < 32 && at < LB_LOW_END; piece++) {
			uint64_t end = at + 0x200 * (1 + (uint64_t)rand() % 200);

			add(&map, at, end, types[(size_t)rand() % (sizeof(types) / sizeof(types[0]))]);
			at = end;
		}
		assert_int_equal(lb_e820_tidy(&map, NULL), 0);
		swapped += swap_twice(&map);
	}
	assert_true(swapped > ROUNDS * LB_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holes_and_firmware),
		cmocka_unit_test(test_no_low_ram),
		cmocka_unit_test(test_all_of_it_is_ram),
		cmocka_unit_test(test_random_maps),
	};

	return cmocka_run_group_tests(tests, make_memory, free_memory);
}
