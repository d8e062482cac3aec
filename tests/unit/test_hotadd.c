// SPDX-License-Identifier: BSD-2-Clause
// Finds hot-added RAM in page tables made here. The pages of the tables are the only memory that exists:
// below 16 MiB they are RAM of the map, above they are hot-added RAM.
#include <stdlib.h>
#include <string.h>

#include "crash/dead/hotadd.h"
#include "lifeboat/x86.h"
#include "unit.h"

#define P X86_PTE_P
#define W X86_PTE_W
#define PS X86_PTE_PS
#define NX X86_PTE_NX
#define ENTRIES X86_PT_ENTRIES

#define RAM_END (16 * LB_MIB)
#define GIB(n) ((n)*LB_GIB)
#define SECTION LB_HOTADD_SECTION
#define LARGE (2 * LB_MIB)

#define PAGES_MAX 256

struct machine {
	struct lb_deadkernel dead;
	uint64_t next_table; // physical address where the next table is made
	unsigned int count;
	uint64_t phys[PAGES_MAX];
	uint64_t page[PAGES_MAX][ENTRIES];
	uint64_t reads;
	struct lb_hotadd found;
};

static struct machine machine;

static uint64_t *page_at(uint64_t phys)
{
	for (unsigned int i = 0; i < machine.count; i++)
		if (machine.phys[i] == phys)
			return machine.page[i];
	return NULL;
}

// Reads a page as the purgatory does: through one window, and only RAM of the map and found hot-added RAM.
static const void *read_page(void *ctx, uint64_t phys)
{
	static uint64_t window[ENTRIES];
	const uint64_t *page = page_at(phys);

	(void)ctx;
	machine.reads++;
	assert_true(lb_aligned(phys, LB_PAGE));
	if (!page || (phys >= RAM_END && !lb_hotadd_is_ram(&machine.found, phys)))
		return NULL;
	return memcpy(window, page, sizeof(window));
}

static const struct lb_physmem mem = {.page = read_page};

static uint64_t take_table(void)
{
	assert_true(machine.count < PAGES_MAX);
	machine.phys[machine.count] = machine.next_table;
	machine.next_table += LB_PAGE;
	return machine.phys[machine.count++];
}

static void start(bool la57)
{
	memset(&machine, 0, sizeof(machine));
	machine.next_table = LB_MIB;
	machine.dead = (struct lb_deadkernel){
		.space.la57 = la57,
		.space.cr3 = take_table(),
		.has_page_offset = true,
		.page_offset = la57 ? 0xff2f1a8040000000ULL : 0xffff9a8040000000ULL,
	};
}

// Returns the entry for `phys` in the direct map, in a table of `level`. Makes the tables on the way.
static uint64_t *entry_for(uint64_t phys, int level)
{
	uint64_t virt = machine.dead.page_offset + phys;
	uint64_t table = machine.dead.space.cr3;

	for (int at = machine.dead.space.la57 ? 5 : 4;; at--) {
		uint64_t *entry = &page_at(table)[virt >> (12 + 9 * (at - 1)) & (ENTRIES - 1)];

		if (at == level)
			return entry;
		if (!*entry)
			*entry = take_table() | P | W;
		table = *entry & X86_PTE_ADDR;
	}
}

static void map(uint64_t phys, uint64_t bytes, int level)
{
	for (uint64_t at = phys; at < phys + bytes; at += LB_PAGE << 9 * (level - 1))
		*entry_for(at, level) = at | P | W | NX | (level > 1 ? PS : 0);
}

static void find_with_room(const struct lb_range *where, uint32_t count, uint32_t room)
{
	memset(&machine.found, 0xee, sizeof(machine.found));
	machine.found.count = 0; // the reader may ask for ranges before any is found
	machine.reads = 0;
	lb_hotadd_find(&mem, &machine.dead, where, count, room, &machine.found);
	assert_true(machine.reads <= LB_HOTADD_PAGES);
}

#define FIND(...)                                                                                            \
	find_with_room((const struct lb_range[]){__VA_ARGS__},                                               \
		       sizeof((const struct lb_range[]){__VA_ARGS__}) / sizeof(struct lb_range),             \
		       LB_HOTADD_MAX)

static void check_range(unsigned int index, uint64_t from, uint64_t to)
{
	assert_true(index < machine.found.count);
	assert_int_equal(machine.found.ranges[index].start, from);
	assert_int_equal(machine.found.ranges[index].end, to);
}

static void check_complete(uint32_t count)
{
	assert_int_equal(machine.found.count, count);
	assert_int_equal(machine.found.missing, 0);
	assert_int_equal(machine.found.missing_bytes, 0);
	assert_int_equal(machine.found.unsearched_bytes, 0);
}

static void test_nothing_added(void **state)
{
	(void)state;
	for (int la57 = 0; la57 < 2; la57++) {
		start(la57);
		FIND({GIB(4), GIB(32768)}); // an empty top-level table
		check_complete(0);
		assert_int_equal(lb_hotadd_bytes(&machine.found), 0);
		map(0, GIB(4), 3);
		FIND({GIB(4), GIB(32768)});
		check_complete(0);
		assert_true(machine.reads < 20);
		find_with_room(NULL, 0, LB_HOTADD_MAX);
		check_complete(0);
		assert_int_equal(machine.reads, 0);
	}
}

// Hot-added RAM is mapped with pages of every size, in one piece and in several. Adjacent pieces become one.
static void test_pieces(void **state)
{
	(void)state;
	for (int la57 = 0; la57 < 2; la57++) {
		start(la57);
		map(GIB(4), GIB(1), 2);
		map(GIB(6), GIB(2), 3);
		map(GIB(8), SECTION, 1);
		map(GIB(9) + 3 * SECTION, 2 * SECTION, 2);
		FIND({GIB(4), GIB(16)});
		check_complete(3);
		check_range(0, GIB(4), GIB(5));
		check_range(1, GIB(6), GIB(8) + SECTION);
		check_range(2, GIB(9) + 3 * SECTION, GIB(9) + 5 * SECTION);
		assert_int_equal(lb_hotadd_bytes(&machine.found), GIB(3) + 3 * SECTION);
		assert_true(lb_hotadd_is_ram(&machine.found, GIB(4)));
		assert_true(lb_hotadd_is_ram(&machine.found, GIB(5) - LB_PAGE));
		assert_false(lb_hotadd_is_ram(&machine.found, GIB(4) - LB_PAGE));
		assert_false(lb_hotadd_is_ram(&machine.found, GIB(5) - LB_PAGE + 1));
		assert_false(lb_hotadd_is_ram(&machine.found, GIB(5)));
	}
}

// Large pieces take few reads. Pieces from two ranges of SRAT become one, whichever range comes first.
static void test_neighbours(void **state)
{
	(void)state;
	start(true);
	map(GIB(64), GIB(256), 3);
	FIND({GIB(4), GIB(1024)});
	check_complete(1);
	check_range(0, GIB(64), GIB(320));
	assert_true(machine.reads < 40);
	FIND({GIB(4), GIB(100)}, {GIB(100), GIB(1024)});
	check_complete(1);
	check_range(0, GIB(64), GIB(320));
	FIND({GIB(100), GIB(1024)}, {GIB(4), GIB(100)});
	check_complete(1);
	check_range(0, GIB(64), GIB(320));
	FIND({GIB(64), GIB(65)}, {GIB(66), GIB(67)}, {GIB(65), GIB(66)});
	check_complete(1);
	check_range(0, GIB(64), GIB(67));
}

// Nothing outside of SRAT's ranges is found, whatever is mapped there.
static void test_within_ranges_only(void **state)
{
	(void)state;
	start(false);
	map(GIB(4), GIB(6), 3);
	FIND({GIB(4) + 16 * LB_MIB, GIB(5) + 5 * LB_PAGE}, {GIB(6), GIB(7)}, {GIB(9) - SECTION, GIB(12)});
	check_complete(3);
	check_range(0, GIB(4) + 16 * LB_MIB, GIB(5) + 5 * LB_PAGE);
	check_range(1, GIB(6), GIB(7));
	check_range(2, GIB(9) - SECTION, GIB(10));
}

// One mapped page is enough for its whole section. Unmapped pages inside a section do not matter.
static void test_whole_sections(void **state)
{
	(void)state;
	start(false);
	map(GIB(4) + LARGE + LB_PAGE, LB_PAGE, 1);
	map(GIB(4) + 3 * SECTION - LB_PAGE, LB_PAGE, 1);
	map(GIB(4) + 3 * SECTION, LARGE, 2);
	FIND({GIB(4), GIB(8)});
	check_complete(2);
	check_range(0, GIB(4), GIB(4) + SECTION);
	check_range(1, GIB(4) + 2 * SECTION, GIB(4) + 4 * SECTION);
}

// An entry that maps another address, or would cause a fault, does not count.
static void test_only_the_very_address(void **state)
{
	(void)state;
	start(true);
	machine.dead.page_offset = 0xff2f1a8000000000ULL; // so that an entry for 512 GiB would be aligned
	*entry_for(GIB(4), 3) = GIB(5) | P | PS;
	*entry_for(GIB(5), 2) = GIB(5) | PS; // the entry is not present
	*entry_for(GIB(5) + SECTION, 2) = (GIB(5) + SECTION + LARGE) | P | PS;
	*entry_for(GIB(5) + 2 * SECTION, 2) =
		(GIB(5) + 2 * SECTION + LB_PAGE * 2) | P | PS; // bit 13 is reserved
	*entry_for(GIB(5) + 3 * SECTION, 1) = (GIB(5) + 3 * SECTION + LB_PAGE) | P;
	*entry_for(GIB(6), 3) = GIB(6) | 1ULL << 51 | P | PS; // bit 51 is above the physical width
	*entry_for(GIB(1024), 4) = GIB(1024) | P | PS; // a leaf of 512 GiB, which no CPU has
	FIND({GIB(4), GIB(2048)});
	check_complete(0);
	*entry_for(GIB(7), 3) = GIB(7) | LB_PAGE | P | PS; // bit 12 is PAT and no address bit
	FIND({GIB(4), GIB(2048)});
	check_complete(1);
	check_range(0, GIB(7), GIB(8));
}

// The tables for memory that was added later lie in memory that was added before, at higher or lower
// addresses.
static void test_tables_in_hotadded_memory(void **state)
{
	(void)state;
	start(false);
	map(GIB(12), GIB(1), 2); // its tables are in RAM of the map
	machine.next_table = GIB(12) + 3 * LARGE;
	map(GIB(8), GIB(1), 2);
	machine.next_table = GIB(8) + 5 * LARGE;
	map(GIB(4), SECTION, 1);
	machine.next_table = GIB(4);
	map(GIB(16), LARGE, 2);
	FIND({GIB(4), GIB(64)});
	check_complete(4);
	check_range(0, GIB(4), GIB(4) + SECTION);
	check_range(1, GIB(8), GIB(9));
	check_range(2, GIB(12), GIB(13));
	check_range(3, GIB(16), GIB(16) + SECTION);
}

// A table in memory that was never added is not read. The memory that it would map is counted as not
// searched.
static void test_unreadable_tables(void **state)
{
	(void)state;
	start(false);
	machine.dead.page_offset = 0xffff888000000000ULL;
	map(GIB(4), GIB(1), 3);
	*entry_for(GIB(6), 3) = GIB(20) | P | W;
	*entry_for(GIB(7) + 3 * LARGE, 2) = GIB(21) | P | W;
	*entry_for(GIB(512), 4) = 0x5000 | P | W; // an address of RAM where no page exists
	FIND({GIB(4), GIB(1024)});
	assert_int_equal(machine.found.count, 1);
	check_range(0, GIB(4), GIB(5));
	assert_int_equal(machine.found.missing, 0);
	assert_int_equal(machine.found.unsearched_bytes, GIB(1) + LARGE + GIB(512));

	FIND({GIB(6) + SECTION + LB_PAGE, GIB(8)});
	assert_int_equal(machine.found.unsearched_bytes, GIB(1) - SECTION - LB_PAGE + LARGE);

	machine.dead.space.cr3 = GIB(30);
	FIND({GIB(4), GIB(1024)});
	assert_int_equal(machine.found.count, 0);
	assert_int_equal(machine.found.unsearched_bytes, GIB(1020));
}

static void test_direct_map_unknown(void **state)
{
	(void)state;
	start(false);
	map(GIB(4), GIB(4), 3);
	machine.dead.has_page_offset = false;
	FIND({GIB(4), GIB(6)}, {GIB(7), GIB(8)});
	assert_int_equal(machine.found.count, 0);
	assert_int_equal(machine.found.unsearched_bytes, GIB(3));
	assert_int_equal(machine.reads, 0);
}

// If there are more pieces than places, the first ones are kept and the others are counted.
static void test_room_runs_out(void **state)
{
	const struct lb_range where = {GIB(4), GIB(4 + 64)};

	(void)state;
	start(true);
	for (uint64_t i = 0; i < 10; i++)
		map(GIB(4) + 2 * i * SECTION, SECTION, 2);
	find_with_room(&where, 1, 10);
	check_complete(10);
	find_with_room(&where, 1, 7);
	assert_int_equal(machine.found.count, 7);
	for (unsigned int i = 0; i < 7; i++)
		check_range(i, where.start + 2 * i * SECTION, where.start + (2 * i + 1) * SECTION);
	assert_int_equal(machine.found.missing, 3);
	assert_int_equal(machine.found.missing_bytes, 3 * SECTION);
	assert_int_equal(machine.found.unsearched_bytes, 0);
	find_with_room(&where, 1, 0);
	assert_int_equal(machine.found.count, 0);
	assert_int_equal(machine.found.missing, 10);
	map(GIB(63), GIB(2), 2); // one piece, across two tables
	find_with_room(&where, 1, 0);
	assert_int_equal(machine.found.missing, 11);
	assert_int_equal(machine.found.missing_bytes, GIB(2) + 10 * SECTION);
	memset(entry_for(GIB(63), 3), 0, 2 * sizeof(uint64_t));

	// struct lb_hotadd has places for LB_HOTADD_MAX pieces.
	for (uint64_t i = 10; i < LB_HOTADD_MAX + 5; i++)
		map(GIB(4) + 2 * i * SECTION, LARGE, 2);
	find_with_room(&where, 1, UINT32_MAX);
	assert_int_equal(machine.found.count, LB_HOTADD_MAX);
	assert_int_equal(machine.found.missing, 5);
	assert_int_equal(machine.found.missing_bytes, 5 * SECTION);
}

// The second pass finds a piece that joins two others. Pieces beyond the places are counted once.
static void test_room_and_second_pass(void **state)
{
	const struct lb_range where = {GIB(4), GIB(64)};

	(void)state;
	start(false);
	map(GIB(8), GIB(1), 2);
	map(GIB(10), GIB(1), 2);
	map(GIB(20), GIB(1), 2);
	machine.next_table = GIB(8);
	map(GIB(9), GIB(1), 2);
	find_with_room(&where, 1, 2);
	assert_int_equal(machine.found.count, 2);
	check_range(0, GIB(8), GIB(11));
	check_range(1, GIB(20), GIB(21));
	assert_int_equal(machine.found.missing, 0);
	assert_int_equal(machine.found.missing_bytes, 0);
	assert_int_equal(machine.found.unsearched_bytes, 0);
}

// Above the end of the kernel's direct map nothing is found. Addresses that wrap around are not looked at.
static void test_ends_of_the_address_space(void **state)
{
	(void)state;
	start(false);
	map(0, GIB(2), 3);
	FIND({(1ULL << 46) - GIB(1), 1ULL << 47});
	check_complete(0);
	FIND({1ULL << 46, UINT64_MAX & ~(LB_PAGE - 1)});
	check_complete(0);
	assert_int_equal(machine.reads, 0);

	start(true);
	map(1ULL << 51, GIB(2), 3);
	FIND({1ULL << 46, 1ULL << 53});
	check_complete(1);
	check_range(0, 1ULL << 51, (1ULL << 51) + GIB(2));

	start(false);
	machine.dead.page_offset = 0xfffffdffc0000000ULL; // the highest that lb_deadkernel_read() accepts
	map(GIB(4), GIB(1), 3);
	*entry_for(GIB(2049), 3) = GIB(2049) | P | PS; // its virtual address would be 0
	FIND({GIB(4), 1ULL << 46});
	check_complete(1);
	check_range(0, GIB(4), GIB(5));
}

// Every second entry of a table leads to the table itself, the others are absent, so each step is short. The
// budget ends the search, and the rest is counted as not searched.
static void test_endless_tables(void **state)
{
	(void)state;
	for (int la57 = 0; la57 < 2; la57++) {
		uint64_t *page;

		start(la57);
		page = page_at(machine.dead.space.cr3);
		for (unsigned int i = 0; i < ENTRIES; i++)
			page[i] = i % 2 ? machine.dead.space.cr3 | P | W : 0;
		machine.dead.page_offset = la57 ? 0xff11000040000000ULL : 0xffff888040000000ULL;
		FIND({0, 1ULL << 46});
		assert_int_equal(machine.found.count, 0);
		assert_int_equal(machine.reads, LB_HOTADD_PAGES);
		assert_in_range(machine.found.unsearched_bytes, 1ULL << 40, 1ULL << 46);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_added),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_within_ranges_only),
		cmocka_unit_test(test_whole_sections),
		cmocka_unit_test(test_only_the_very_address),
		cmocka_unit_test(test_tables_in_hotadded_memory),
		cmocka_unit_test(test_unreadable_tables),
		cmocka_unit_test(test_direct_map_unknown),
		cmocka_unit_test(test_room_runs_out),
		cmocka_unit_test(test_room_and_second_pass),
		cmocka_unit_test(test_ends_of_the_address_space),
		cmocka_unit_test(test_endless_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
