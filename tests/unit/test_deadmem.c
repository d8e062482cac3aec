// SPDX-License-Identifier: BSD-2-Clause
// Reads a dead kernel's memory by virtual address: across pages, up to holes, and within the budget of pages.
#include "crash/dead/deadmem.h"
#include "dead_machine.h"
#include "unit.h"

#define VIRT (LB_KERNEL_MAP + 0x200000)
#define FIRST 0x200000ULL // physical pages behind VIRT's first two pages; not adjacent
#define SECOND 0x7ff000ULL

static struct dead_machine *machine;
static struct lb_deadmem mem;

static int open_machine(void **state)
{
	(void)state;
	machine = dead_open();
	dead_map(machine, VIRT, FIRST);
	dead_map(machine, VIRT + LB_PAGE, SECOND);
	for (uint64_t at = 0; at < LB_PAGE; at += 8) {
		dead_put(machine, FIRST + at, at, 8);
		dead_put(machine, SECOND + at, LB_PAGE + at, 8);
	}
	lb_deadmem_open(&mem, &machine->dead);
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	dead_close(machine);
	return 0;
}

static void bytes_and_the_room_behind(void **state)
{
	const uint8_t *at;
	uint64_t room;

	(void)state;
	at = lb_deadmem_at(&mem, VIRT + 8, &room);
	assert_non_null(at);
	assert_int_equal(at[0], 8);
	assert_int_equal(room, LB_PAGE - 8);
	at = lb_deadmem_at(&mem, VIRT + 2 * LB_PAGE - 1, &room);
	assert_non_null(at);
	assert_int_equal(room, 1);
	assert_null(lb_deadmem_at(&mem, VIRT + 2 * LB_PAGE, &room));
	assert_null(lb_deadmem_at(&mem, VIRT - 1, &room));
	assert_null(lb_deadmem_at(&mem, 0x1000, &room));
	assert_null(lb_deadmem_at(&mem, 0x8000000000000000, &room)); // not a canonical address
	// The same page, through a large page of the direct map.
	at = lb_deadmem_at(&mem, DEAD_DIRECT + SECOND, &room);
	assert_non_null(at);
	assert_memory_equal(at, dead_at(machine, SECOND), LB_PAGE);
}

static void copies_cross_pages(void **state)
{
	uint64_t words[4], word = 4711;

	(void)state;
	assert_true(lb_deadmem_copy(&mem, VIRT + LB_PAGE - 16, words, sizeof(words)));
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(words[i], LB_PAGE - 16 + 8 * i);
	assert_true(lb_deadmem_u64(&mem, VIRT + LB_PAGE - 4, &word));
	assert_int_equal(word, (uint64_t)LB_PAGE << 32);
	word = 4711;
	assert_false(lb_deadmem_u64(&mem, VIRT + 2 * LB_PAGE - 4, &word));
	assert_int_equal(word, 4711);
	assert_true(lb_deadmem_copy(&mem, 0, words, 0));
}

static void what_is_mapped_may_be_no_ram(void **state)
{
	uint64_t word;

	(void)state;
	machine->hole = SECOND;
	assert_true(lb_deadmem_u64(&mem, VIRT + LB_PAGE - 8, &word));
	assert_false(lb_deadmem_u64(&mem, VIRT + LB_PAGE - 4, &word));
	dead_map(machine, VIRT + 2 * LB_PAGE, DEAD_RAM);
	assert_false(lb_deadmem_u64(&mem, VIRT + 2 * LB_PAGE, &word));
}

// A search for data skips pages that can be executed but not written. It does not skip read-only data.
static void data_is_no_pure_code(void **state)
{
	static const struct {
		uint64_t flags;
		bool is_data;
	} pages[] = {{0, false}, {X86_PTE_W, true}, {X86_PTE_NX, true}, {X86_PTE_W | X86_PTE_NX, true}};

	(void)state;
	for (uint64_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		const uint64_t virt = VIRT + (8 + i) * LB_PAGE, entry = FIRST | X86_PTE_P | pages[i].flags;
		const uint64_t *page;
		uint64_t room;

		memcpy(dead_entry(machine, virt, 12), &entry, 8);
		page = lb_deadmem_data_page(&mem, virt);
		assert_int_equal(page != NULL, pages[i].is_data);
		assert_true(!page || page[1] == 8);
		assert_non_null(lb_deadmem_at(&mem, virt, &room));
	}
	assert_null(lb_deadmem_data_page(&mem, VIRT + 2 * LB_PAGE));
}

static void budget_ends(void **state)
{
	uint64_t word;

	(void)state;
	mem.pages_left = 5; // one walk: four tables and the page
	assert_true(lb_deadmem_u64(&mem, VIRT, &word));
	assert_int_equal(mem.pages_left, 0);
	machine->pages_read = 0;
	assert_false(lb_deadmem_u64(&mem, VIRT, &word));
	assert_int_equal(machine->pages_read, 0);
	lb_deadmem_refill(&mem);
	assert_int_equal(mem.pages_left, LB_DEADMEM_PAGES);
	assert_true(lb_deadmem_u64(&mem, VIRT, &word));
	assert_int_equal(machine->pages_read, 1); // one page, without a walk: the translation was kept
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bytes_and_the_room_behind, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(copies_cross_pages, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(what_is_mapped_may_be_no_ram, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(data_is_no_pure_code, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(budget_ends, open_machine, close_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
