// SPDX-License-Identifier: BSD-2-Clause
// Finds struct pages: sections present and absent, arrays of both kinds, a struct page across two pages. Keys
// with wrong values are tested in test_filter.c.
#include "crash/dead/pages.h"
#include "dead_machine.h"
#include "unit.h"

// Addresses are physical. Everything is read through the direct map.
#define ROOTS 0x100000ULL // mem_section[]
#define ROOT 0x101000ULL // a page of struct mem_section
#define MAP 0x200000ULL // the struct pages of section 2
#define SECTION_FRAMES 256U // 1 MiB
#define FIRST (2ULL * SECTION_FRAMES)

static struct dead_machine *machine;
static struct lb_pages pages;

static void describe(unsigned int roots, unsigned int page_bytes)
{
	dead_info(machine,
		  "SYMBOL(mem_section)=%llx\nLENGTH(mem_section)=%u\nSIZE(mem_section)=16\n"
		  "OFFSET(mem_section.section_mem_map)=8\nNUMBER(SECTION_SIZE_BITS)=20\n"
		  "NUMBER(MAX_PHYSMEM_BITS)=32\nSIZE(page)=%u\n",
		  DEAD_DIRECT + ROOTS, roots, page_bytes);
}

// Puts section `section` into the array at `array` (physical). Its struct pages lie at MAP.
static void put_section(uint64_t array, uint64_t section, uint64_t page_bytes, uint64_t flags)
{
	dead_put(machine, array + section * 16 + 8,
		 (DEAD_DIRECT + MAP - section * SECTION_FRAMES * page_bytes) | flags, 8);
}

static int open_machine(void **state)
{
	(void)state;
	machine = dead_open();
	describe(16, 64);
	dead_put(machine, ROOTS, DEAD_DIRECT + ROOT, 8);
	put_section(ROOT, 2, 64, 3 | 0x10); // and another flag, which does not matter
	for (uint64_t at = 0; at < SECTION_FRAMES * 96; at += 8)
		dead_put(machine, MAP + at, at, 8);
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	dead_close(machine);
	return 0;
}

// Expects the struct page of `pfn` to be the `bytes` from MAP + `at` on, and one of `count` in a row.
static void assert_page(uint64_t pfn, uint64_t at, uint64_t bytes, uint64_t count)
{
	uint64_t same = 0;
	const uint8_t *page = lb_pages_at(&pages, pfn, &same);

	assert_non_null(page);
	assert_memory_equal(page, dead_at(machine, MAP + at), bytes);
	assert_int_equal(same, count);
}

static void assert_none(uint64_t pfn, uint64_t count)
{
	uint64_t same = 0;

	assert_null(lb_pages_at(&pages, pfn, &same));
	assert_int_equal(same, count);
}

static void pages_of_a_section(void **state)
{
	(void)state;
	assert_null(lb_pages_open(&pages, &machine->dead));
	assert_page(FIRST, 0, 64, 64); // the struct pages in one page of memory
	assert_page(FIRST + 63, 63 * 64, 64, 1);
	assert_page(FIRST + 64, 64 * 64, 64, 64);
	assert_page(FIRST + 255, 255 * 64, 64, 1);
	assert_none(FIRST - 1, 1);
	assert_none(FIRST - 200, 200);
	assert_none(FIRST + 256, 256);
	assert_none(1ULL << 20, 256); // behind the last possible section
}

static void sections_that_have_none(void **state)
{
	(void)state;
	for (uint64_t flags = 0; flags < 3; flags++) {
		put_section(ROOT, 2, 64, flags);
		assert_null(lb_pages_open(&pages, &machine->dead));
		assert_none(FIRST, 256);
	}
	put_section(ROOT, 2, 64, 3);
	assert_null(lb_pages_open(&pages, &machine->dead));
	assert_page(FIRST, 0, 64, 64);
	dead_put(machine, ROOTS, 0, 8); // the last section is remembered, so the roots are not read again
	assert_page(FIRST, 0, 64, 64);
	assert_null(lb_pages_open(&pages, &machine->dead));
	assert_none(FIRST, 256);
}

static void without_roots(void **state)
{
	(void)state;
	describe(4096, 64);
	put_section(ROOTS, 2, 64, 3);
	assert_null(lb_pages_open(&pages, &machine->dead));
	assert_page(FIRST, 0, 64, 64);
	describe(17, 64); // a length that fits neither kind of array
	assert_string_equal(lb_pages_open(&pages, &machine->dead), "LENGTH(mem_section)=");
}

// The size of a struct page does not divide a page.
static void page_across_two(void **state)
{
	(void)state;
	describe(16, 96);
	put_section(ROOT, 2, 96, 3);
	assert_null(lb_pages_open(&pages, &machine->dead));
	assert_page(FIRST + 41, 41 * 96, 96, 1);
	assert_page(FIRST + 42, 42 * 96, 96, 1); // 64 bytes in one page, 32 in the next
	assert_page(FIRST + 43, 43 * 96, 96, 42);
	machine->hole = MAP + LB_PAGE;
	assert_page(FIRST + 41, 41 * 96, 96, 1);
	assert_none(FIRST + 42, 1);
	assert_none(FIRST + 43, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pages_of_a_section, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(sections_that_have_none, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(without_roots, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(page_across_two, open_machine, close_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
