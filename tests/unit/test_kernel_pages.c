// SPDX-License-Identifier: BSD-2-Clause
// Which pages are the kernel's own, on a machine made here: found by its page tables and its struct pages.
#include <stdlib.h>
#include <string.h>

#define DEAD_TABLES 40U
#include "crash/dead/kernel_pages.h"
#include "dead_machine.h"
#include "unit.h"

#define SECTION_PAGES 256U // 1 MiB
#define FRAMES 2048U // 8 MiB
#define ROOTS 0x100000ULL // physical address of mem_section[]
#define ROOT 0x101000ULL // physical address of a page of struct mem_section
#define MAP 0x140000ULL // the struct pages, 128 KiB
#define IMAGE 0x400000ULL // physical address of the image, of 2 MiB
#define STACK 0x123ULL // page frames of a stack in vmalloc space
#define VMEMMAP 0xffffea0000000000ULL
#define VMALLOC 0xffffc90000000000ULL

#define RESERVED (1ULL << 12)
#define SLAB (1ULL << 9)
#define UPPER (0x3fffffULL << 30) // bits of a struct page's flags above the known ones

static struct dead_machine *machine;
static struct lb_ram_piece pieces[2];
static struct lb_ram ram;
static void *memory;
static struct lb_kernel_pages *pages;
static uint8_t bits[FRAMES / 8];
static struct lb_error err;

static void put_page(uint64_t pfn, uint64_t flags, uint64_t compound_head)
{
	dead_put(machine, MAP + pfn * 64, flags | UPPER, 8);
	dead_put(machine, MAP + pfn * 64 + 8, compound_head, 8);
	dead_put(machine, MAP + pfn * 64 + 48, UINT32_MAX, 4);
}

static int open_machine(void **state)
{
	const uint64_t image = IMAGE | X86_PTE_P | X86_PTE_W | X86_PTE_PS;

	(void)state;
	machine = dead_open();
	dead_info(machine,
		  "SYMBOL(mem_section)=%llx\nLENGTH(mem_section)=16\nSIZE(mem_section)=16\n"
		  "OFFSET(mem_section.section_mem_map)=0\nNUMBER(SECTION_SIZE_BITS)=20\n"
		  "NUMBER(MAX_PHYSMEM_BITS)=32\nSIZE(page)=64\nOFFSET(page.flags)=0\n"
		  "OFFSET(page._mapcount)=48\nOFFSET(page.compound_head)=8\nNUMBER(PG_slab)=9\n",
		  DEAD_DIRECT + ROOTS);
	dead_put(machine, ROOTS, DEAD_DIRECT + ROOT, 8);
	for (uint64_t section = 0; section < FRAMES / SECTION_PAGES; section++)
		dead_put(machine, ROOT + section * 16, VMEMMAP | 3, 8);
	for (uint64_t at = 0; at < FRAMES * 64; at += LB_PAGE)
		dead_map(machine, VMEMMAP + at, MAP + at);
	memcpy(dead_entry(machine, LB_KERNEL_MAP + 16 * LB_MIB, 21), &image, 8);
	dead_map(machine, VMALLOC, STACK * LB_PAGE);
	dead_map(machine, VMALLOC + LB_PAGE, (STACK + 4) * LB_PAGE);
	for (uint64_t pfn = 0; pfn < FRAMES; pfn++)
		put_page(pfn, 0, 0);
	for (uint64_t pfn = IMAGE / LB_PAGE; pfn < IMAGE / LB_PAGE + 512; pfn++)
		put_page(pfn, RESERVED, 0);
	for (uint64_t pfn = MAP / LB_PAGE; pfn < MAP / LB_PAGE + 32; pfn++)
		put_page(pfn, RESERVED, 0);
	pieces[0] = (struct lb_ram_piece){{0, FRAMES * LB_PAGE}, 0};
	ram = (struct lb_ram){.pieces = pieces, .count = 1, .pages = FRAMES, .max_pfn = FRAMES};
	memory = aligned_alloc(LB_PAGE, LB_KERNEL_PAGES_BYTES);
	return memory ? 0 : -1;
}

static int close_machine(void **state)
{
	(void)state;
	free(memory);
	dead_close(machine);
	return 0;
}

static void open_well(void)
{
	if (lb_kernel_pages_open(memory, LB_KERNEL_PAGES_BYTES, &machine->dead, &ram, &pages, &err) != 0)
		fail_msg("%s", err.text);
}

static void judge(void)
{
	lb_kernel_pages_rewind(pages);
	memset(bits, 0xff, sizeof(bits));
	for (uint64_t first = 0; first < FRAMES; first += 128)
		lb_kernel_pages_keep(pages, 128, bits + first / 8);
}

static bool is_own(uint64_t pfn)
{
	return bits[pfn / 8] >> pfn % 8 & 1;
}

static void test_by_tables(void **state)
{
	(void)state;
	open_well();
	judge();
	for (uint64_t pfn = 0; pfn < machine->next_table; pfn++)
		assert_true(is_own(pfn)); // the page tables; the root is page 0
	assert_false(is_own(machine->next_table));
	assert_true(is_own(STACK) && is_own(STACK + 4));
	assert_false(is_own(STACK + 1));
	for (uint64_t pfn = IMAGE / LB_PAGE; pfn < IMAGE / LB_PAGE + 512; pfn++)
		assert_true(is_own(pfn));
	assert_false(is_own(IMAGE / LB_PAGE + 512));
	assert_int_equal(lb_kernel_pages_facts(pages).tables, machine->next_table);
	assert_false(lb_kernel_pages_facts(pages).cut);
}

// Slab pages with their tails, and pages reserved at boot, except those that hold struct pages.
static void test_by_struct_pages(void **state)
{
	(void)state;
	put_page(1000, SLAB | 1ULL << 16, 0);
	for (uint64_t i = 1; i < 8; i++)
		put_page(1000 + i, 0, (VMEMMAP + 1000 * 64) | 1);
	put_page(1008, 1ULL << 16, 0);
	put_page(1009, 0, (VMEMMAP + 1008 * 64) | 1);
	put_page(1700, RESERVED, 0);
	open_well();
	judge();
	assert_true(lb_kernel_pages_facts(pages).knows_reserved);
	for (uint64_t pfn = 1000; pfn < 1012; pfn++)
		assert_int_equal(is_own(pfn), pfn < 1008);
	assert_true(is_own(1700));
	assert_false(is_own(1701));
	for (uint64_t pfn = MAP / LB_PAGE; pfn < MAP / LB_PAGE + 32; pfn++)
		assert_false(is_own(pfn));
	judge(); // a second time
	assert_true(is_own(1007));
	assert_true(is_own(IMAGE / LB_PAGE));
}

static void test_only_what_was_chosen(void **state)
{
	(void)state;
	open_well();
	lb_kernel_pages_rewind(pages);
	memset(bits, 0, sizeof(bits));
	bits[STACK / 8] = 1U << STACK % 8 | 1U << (STACK + 1) % 8;
	lb_kernel_pages_keep(pages, FRAMES, bits);
	for (uint64_t pfn = 0; pfn < FRAMES; pfn++)
		assert_int_equal(is_own(pfn), pfn == STACK);
}

// The image's struct pages are not all reserved, so PG_reserved is not believed. Reserved pages are left to
// the second pass.
static void test_no_reserved(void **state)
{
	(void)state;
	put_page(IMAGE / LB_PAGE, RESERVED | 1, 0);
	put_page(1700, RESERVED, 0);
	open_well();
	judge();
	assert_false(lb_kernel_pages_facts(pages).knows_reserved);
	assert_false(is_own(1700));
	assert_true(is_own(STACK));
}

static void test_no_keys(void **state)
{
	(void)state;
	dead_info(machine, "SIZE(page)=64\n");
	assert_int_equal(
		lb_kernel_pages_open(memory, LB_KERNEL_PAGES_BYTES, &machine->dead, &ram, &pages, &err), -1);
	assert_string_equal(err.text, "VMCOREINFO has no usable SYMBOL(mem_section)");
}

// Every entry of the tables leads to another table of the same few. The walk ends.
static void test_tables_in_circles(void **state)
{
	(void)state;
	for (uint64_t table = 0; table < 16; table++) {
		for (uint64_t i = 256; i < 512; i++)
			dead_put(machine, table * LB_PAGE + i * 8, ((i % 16) * LB_PAGE) | X86_PTE_P, 8);
	}
	machine->dead.cr3 = 0;
	open_well();
	judge();
	assert_true(lb_kernel_pages_facts(pages).tables <= LB_KERNEL_PAGES_TABLES);
	assert_true(machine->pages_read < 2 * LB_KERNEL_PAGES_TABLES);
}

static void test_five_levels(void **state)
{
	const uint64_t top = 0x7f0000; // one more level above the old root, page 0

	(void)state;
	memset(dead_at(machine, top), 0, LB_PAGE);
	dead_put(machine, top + 511 * 8, 0 | X86_PTE_P, 8);
	machine->dead.cr3 = top;
	machine->dead.la57 = true;
	open_well();
	judge();
	assert_true(is_own(top / LB_PAGE));
	assert_true(is_own(STACK));
	assert_true(is_own(IMAGE / LB_PAGE + 511));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_tables, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(test_by_struct_pages, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(test_only_what_was_chosen, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(test_no_reserved, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(test_no_keys, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(test_tables_in_circles, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(test_five_levels, open_machine, close_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
