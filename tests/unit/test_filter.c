// SPDX-License-Identifier: BSD-2-Clause
// Which pages are dumped: each rule, on struct pages made here as 6.1, 6.6 and 6.12 have them. The filter is
// called for any number of frames at a time. Sections, holes, missing keys, keys with wrong values.
#include <stdlib.h>
#include <string.h>

#include "crash/dead/capture_kernel.h"
#include "crash/dead/filter.h"
#include "dead_machine.h"
#include "unit.h"

// Sections have 1 MiB: 256 page frames. The dead kernel says that it has frames up to 4 GiB. The first 4096
// frames have struct pages, which lie in RAM from MAP on.
#define SECTION_PAGES 256U
#define SECTIONS 16U
#define FRAMES (SECTIONS * SECTION_PAGES)
#define ROOTS 0x100000ULL // physical address of mem_section[]
#define ROOT 0x101000ULL // physical address of a page of struct mem_section
#define MAP 0x200000ULL
#define VMEMMAP 0xffffea0000000000ULL

// Flags of struct page, and offsets in it, of 6.1.
#define LRU (1ULL << 4)
#define SLAB (1ULL << 9)
#define SWAPCACHE (1ULL << 10)
#define PRIVATE (1ULL << 13)
#define HEAD (1ULL << 16)
#define SWAPBACKED (1ULL << 19)
#define HWPOISON (1ULL << 22)
#define BUDDY ((uint32_t)-129)
#define OFFLINE ((uint32_t)-257)
#define ANON 1ULL
#define HUGETLB_DTOR 2U

struct given { // one struct page
	uint64_t flags, compound_head, unused, mapping, index, private;
	uint32_t mapcount, refcount;
	uint64_t memcg;
};
_Static_assert(sizeof(struct given) == 64, "6.1's struct page");

static struct dead_machine *machine;
static struct lb_ram_piece pieces[8];
static struct lb_ram ram;
static void *memory;
static struct lb_filter *filter;
static struct lb_filter_level level;
static uint8_t bits[FRAMES / 8];
static uint64_t page_bytes; // size of a struct page: 64 unless a test changes it

static void put_page(uint64_t pfn, struct given page)
{
	memcpy(dead_at(machine, MAP + pfn * page_bytes), &page, sizeof(page));
}

// A page in use that is of no type: mapcount -1, one reference.
static struct given plain(uint64_t flags)
{
	return (struct given){.flags = flags, .mapcount = UINT32_MAX, .refcount = 1};
}

static struct given with_mapping(uint64_t flags, uint64_t mapping)
{
	struct given page = plain(flags);

	page.mapping = mapping;
	return page;
}

static struct given with_mapcount(uint64_t flags, uint32_t mapcount)
{
	struct given page = plain(flags);

	page.mapcount = mapcount;
	return page;
}

static void put_free(uint64_t pfn, uint64_t order)
{
	struct given page = with_mapcount(0, BUDDY);

	page.private = order;
	put_page(pfn, page);
}

// Puts a compound page as 6.1 lays it out.
static void put_compound(uint64_t pfn, unsigned int order, unsigned int dtor, struct given head)
{
	head.flags |= HEAD;
	put_page(pfn, head);
	for (uint64_t i = 1; pfn + i < FRAMES && (order > 63 || i < 1ULL << order); i++) {
		struct given tail = plain(0);

		tail.compound_head = VMEMMAP + pfn * 64 + 1;
		if (i == 1)
			tail.unused = dtor | order << 8; // compound_dtor and compound_order, bytes 16 and 17
		put_page(pfn + i, tail);
	}
}

static void put_section(unsigned int section, uint64_t flags)
{
	uint64_t map = VMEMMAP;

	dead_put(machine, ROOT + section * 16ULL, map | flags, 8);
}

static int open_machine(void **state)
{
	(void)state;
	machine = dead_open();
	page_bytes = 64;
	dead_info(
		machine,
		"OSRELEASE=6.1\nSYMBOL(mem_section)=%llx\nLENGTH(mem_section)=16\nSIZE(mem_section)=16\n"
		"OFFSET(mem_section.section_mem_map)=0\nNUMBER(SECTION_SIZE_BITS)=20\n"
		"NUMBER(MAX_PHYSMEM_BITS)=32\nSIZE(page)=64\nOFFSET(page.flags)=0\nOFFSET(page.mapping)=24\n"
		"OFFSET(page._mapcount)=48\nOFFSET(page.private)=40\nOFFSET(page.compound_dtor)=16\n"
		"OFFSET(page.compound_order)=17\nOFFSET(page.compound_head)=8\nLENGTH(zone.free_area)=11\n"
		"NUMBER(PG_lru)=4\nNUMBER(PG_private)=13\nNUMBER(PG_swapcache)=10\nNUMBER(PG_swapbacked)=19\n"
		"NUMBER(PG_slab)=9\nNUMBER(PG_hwpoison)=22\nNUMBER(PG_head_mask)=65536\n"
		"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129\nNUMBER(HUGETLB_PAGE_DTOR)=2\n"
		"NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257\n",
		DEAD_DIRECT + ROOTS);
	dead_put(machine, ROOTS, DEAD_DIRECT + ROOT, 8);
	for (uint64_t page = 0; page < FRAMES * 64 / LB_PAGE; page++)
		dead_map(machine, VMEMMAP + page * LB_PAGE, MAP + page * LB_PAGE);
	for (unsigned int section = 0; section < SECTIONS; section++)
		put_section(section, 3);
	for (uint64_t pfn = 0; pfn < FRAMES; pfn++)
		put_page(pfn, plain(0));
	pieces[0] = (struct lb_ram_piece){{0, FRAMES * LB_PAGE}, 0};
	ram = (struct lb_ram){.pieces = pieces, .count = 1, .pages = FRAMES, .max_pfn = FRAMES};
	memory = aligned_alloc(LB_PAGE, lb_filter_bytes());
	return memory ? 0 : -1;
}

static int close_machine(void **state)
{
	(void)state;
	free(memory);
	dead_close(machine);
	return 0;
}

static void run(uint64_t step)
{
	uint8_t exact[FRAMES / 8];

	lb_filter_rewind(filter);
	for (uint64_t pfn = 0; pfn < FRAMES; pfn += step) {
		memset(exact, 0xee, sizeof(exact));
		lb_filter_next(filter, step, exact);
		memcpy(bits + pfn / 8, exact, step / 8);
		if (step < FRAMES)
			assert_int_equal(exact[step / 8], 0xee);
	}
}

static void open_filter(uint32_t wanted)
{
	filter = lb_filter_open(memory, &machine->dead, &ram, wanted, &level);
	assert_non_null(filter);
}

// Judges all frames, in calls of several sizes. The size must not change the result.
static const struct lb_filter_count *judge(uint32_t wanted)
{
	const struct lb_filter_count *count;
	struct lb_filter_count first;
	uint8_t whole[sizeof(bits)];
	uint64_t set = 0;

	open_filter(wanted);
	run(FRAMES);
	memcpy(whole, bits, sizeof(bits));
	first = *lb_filter_counts(filter);
	for (uint64_t step = 8; step < FRAMES; step *= 4) {
		run(step);
		assert_memory_equal(bits, whole, sizeof(bits));
		assert_memory_equal(lb_filter_counts(filter), &first, sizeof(first));
	}
	count = lb_filter_counts(filter);
	for (uint64_t i = 0; i < sizeof(bits); i++)
		set += (uint64_t)__builtin_popcount(bits[i]);
	assert_int_equal(set, count->dumped);
	assert_int_equal(count->dumped + count->cache + count->cache_private + count->user + count->free +
				 count->hwpoison + count->offline + count->unused,
			 ram.pages);
	return count;
}

static bool dumped(uint64_t pfn)
{
	return bits[pfn / 8] >> pfn % 8 & 1;
}

// Expects that only the `left_out` pages from `pfn` on are not dumped.
static void check_left_out(uint64_t pfn, uint64_t left_out)
{
	for (uint64_t i = 0; i < FRAMES; i++)
		assert_int_equal(dumped(i), i < pfn || i >= pfn + left_out);
}

static void test_all_ram(void **state)
{
	(void)state;
	pieces[0] = (struct lb_ram_piece){{0x3000, 0x9f000}, 0x3000};
	pieces[1] = (struct lb_ram_piece){{0x100000, 0x101000}, 0x100000};
	pieces[2] = (struct lb_ram_piece){{0x2ff000, 0x800000}, 0x2ff000};
	ram = (struct lb_ram){.pieces = pieces, .count = 3, .pages = 0x9c + 1 + 0x501, .max_pfn = 0x800};
	assert_int_equal(judge(0)->dumped, ram.pages);
	assert_int_equal(level.bits, 0);
	assert_string_equal(level.why, "");
	for (uint64_t pfn = 0; pfn < FRAMES; pfn++)
		assert_int_equal(dumped(pfn),
				 (pfn >= 3 && pfn < 0x9f) || pfn == 0x100 || (pfn >= 0x2ff && pfn < 0x800));
	judge(LB_FILTER_ZERO);
	assert_int_equal(level.bits, LB_FILTER_ZERO);
}

static void test_free_blocks(void **state)
{
	(void)state;
	put_free(1024, 10);
	assert_int_equal(judge(LB_FILTER_FREE)->free, 1024);
	assert_int_equal(level.bits, LB_FILTER_FREE);
	check_left_out(1024, 1024);
	judge(LB_FILTER_ALL & ~LB_FILTER_FREE);
	check_left_out(0, 0);
	put_free(1024, 11); // an order one above the largest
	judge(LB_FILTER_FREE);
	check_left_out(0, 0);
	put_free(1024, 0);
	judge(LB_FILTER_FREE);
	check_left_out(1024, 1);
	put_page(1024, with_mapcount(SLAB, BUDDY)); // a slab keeps other data in this field
	judge(LB_FILTER_FREE);
	check_left_out(0, 0);
}

// A free block reaches over a hole and past the end of RAM. Only its pages of RAM are counted.
static void test_free_beyond_ram(void **state)
{
	(void)state;
	put_free(512, 9);
	pieces[0] = (struct lb_ram_piece){{0, 600 * LB_PAGE}, 0};
	pieces[1] = (struct lb_ram_piece){{700 * LB_PAGE, 900 * LB_PAGE}, 700 * LB_PAGE};
	ram = (struct lb_ram){.pieces = pieces, .count = 2, .pages = 800, .max_pfn = 900};
	assert_int_equal(judge(LB_FILTER_FREE)->free, 88 + 200);
	assert_true(dumped(511));
	assert_false(dumped(512));
	assert_false(dumped(899));
}

static void test_cache(void **state)
{
	(void)state;
	put_page(100, with_mapping(LRU, 0xffff888000001000));
	put_page(101, with_mapping(SWAPCACHE | SWAPBACKED, 0xffff888000001000));
	assert_int_equal(judge(LB_FILTER_CACHE)->cache, 2);
	assert_int_equal(level.bits, LB_FILTER_CACHE);
	check_left_out(100, 2);
	assert_int_equal(judge(LB_FILTER_CACHE_PRIVATE)->cache, 2);
	check_left_out(100, 2);
	judge(LB_FILTER_USER | LB_FILTER_FREE);
	check_left_out(0, 0);
	put_page(100, with_mapping(LRU | PRIVATE, 0xffff888000001000));
	// PG_swapcache has the number of another flag in a page that is not swap-backed.
	put_page(101, with_mapping(SWAPCACHE, 0xffff888000001000));
	judge(LB_FILTER_CACHE);
	check_left_out(0, 0);
	assert_int_equal(judge(LB_FILTER_CACHE_PRIVATE)->cache_private, 1);
	check_left_out(100, 1);
	assert_int_equal(judge(LB_FILTER_CACHE | LB_FILTER_CACHE_PRIVATE)->cache_private, 1);
	put_page(100, with_mapping(LRU, 0xffff888000001000 | ANON));
	judge(LB_FILTER_CACHE | LB_FILTER_CACHE_PRIVATE);
	check_left_out(0, 0);
}

static void test_user(void **state)
{
	(void)state;
	put_page(300, with_mapping(LRU, 0xffff888000001000 | ANON));
	assert_int_equal(judge(LB_FILTER_USER)->user, 1);
	assert_int_equal(level.bits, LB_FILTER_USER);
	check_left_out(300, 1);
	put_page(300, with_mapping(SLAB, 0xffff888000001000 | ANON));
	judge(LB_FILTER_ALL);
	check_left_out(0, 0);
	put_compound(512, 9, 1, with_mapping(LRU, ANON)); // a transparent huge page
	assert_int_equal(judge(LB_FILTER_USER)->user, 512);
	check_left_out(512, 512);
}

static void test_hugetlb(void **state)
{
	(void)state;
	put_compound(1024, 9, HUGETLB_DTOR, plain(0));
	assert_int_equal(judge(LB_FILTER_USER)->user, 512);
	check_left_out(1024, 512);
	judge(LB_FILTER_ALL & ~LB_FILTER_USER);
	check_left_out(0, 0);
	put_compound(1024, 9, 3, plain(0)); // a destructor other than hugetlbfs'
	judge(LB_FILTER_ALL);
	check_left_out(0, 0);
}

// An order that does not fit the frame number is ignored. The page is then judged alone.
static void test_compound_order(void **state)
{
	(void)state;
	put_compound(1024, 12, 1, with_mapping(0, ANON));
	assert_int_equal(judge(LB_FILTER_USER)->user, 1);
	check_left_out(1024, 1);
	put_compound(1024, 200, 1, with_mapping(0, ANON));
	judge(LB_FILTER_USER);
	check_left_out(1024, 1);
}

// A compound page reaches past the last frame that is judged.
static void test_compound_beyond(void **state)
{
	(void)state;
	put_compound(2048, 11, HUGETLB_DTOR, plain(0));
	pieces[0].phys.end = 3000 * LB_PAGE;
	ram.pages = ram.max_pfn = 3000;
	assert_int_equal(judge(LB_FILTER_USER)->user, 952);
}

// Linux 6.6 to 6.8 keep the order in the second page's flags, where PG_hugetlb is too.
static void test_flags_1(void **state)
{
	struct given second = plain(9 | 1ULL << 8);

	(void)state;
	put_compound(1024, 9, 0, plain(0));
	second.compound_head = VMEMMAP + 1024 * 64 + 1;
	put_page(1025, second);
	dead_info_drop(machine, "OFFSET(page.compound_dtor)=");
	dead_info_drop(machine, "OFFSET(page.compound_order)=");
	dead_info_set(machine, "NUMBER(HUGETLB_PAGE_DTOR)=", "2\nNUMBER(PG_hugetlb)=8");
	assert_int_equal(judge(LB_FILTER_USER)->user, 512);
	check_left_out(1024, 512);
	second.flags = 9;
	put_page(1025, second);
	judge(LB_FILTER_ALL);
	check_left_out(0, 0);
	put_page(1024, with_mapping(HEAD, ANON));
	judge(LB_FILTER_USER);
	check_left_out(1024, 512);
}

// Linux from 6.6 without hugetlbfs gives no number for it. Linux from 7.1 has page.compound_info.
static void test_no_hugetlbfs(void **state)
{
	struct given second = plain(9);

	(void)state;
	put_compound(1024, 9, 0, with_mapping(LRU, ANON));
	second.compound_head = VMEMMAP + 1024 * 64 + 1;
	put_page(1025, second);
	dead_info_drop(machine, "OFFSET(page.compound_dtor)=");
	dead_info_drop(machine, "OFFSET(page.compound_order)=");
	dead_info_drop(machine, "NUMBER(HUGETLB_PAGE_DTOR)=");
	dead_info_set(machine, "OSRELEASE=", "6.6.9-x");
	assert_int_equal(judge(LB_FILTER_ALL)->user, 512);
	assert_int_equal(level.bits, LB_FILTER_ALL);
	check_left_out(1024, 512);
	dead_info_drop(machine, "OFFSET(page.compound_head)=");
	dead_info_set(machine, "OSRELEASE=", "7.1\nOFFSET(page.compound_info)=8");
	assert_int_equal(judge(LB_FILTER_ALL)->user, 512);
	assert_int_equal(level.bits, LB_FILTER_ALL);
	dead_info_set(machine, "OSRELEASE=", "6.5.13");
	judge(LB_FILTER_ALL);
	assert_int_equal(level.bits, LB_FILTER_ZERO | LB_FILTER_FREE);
}

// Linux 6.3 to 6.5 give offsets from the folio's start. The fields are in its second page.
static void test_folio_offsets(void **state)
{
	(void)state;
	put_compound(1024, 9, HUGETLB_DTOR, plain(0));
	dead_info_set(machine, "OFFSET(page.compound_dtor)=", "200\nOFFSET(folio._folio_dtor)=80");
	dead_info_set(machine, "OFFSET(page.compound_order)=", "200\nOFFSET(folio._folio_order)=81");
	judge(LB_FILTER_USER);
	check_left_out(1024, 512);
}

// Linux from 6.12 keeps the page type in the upper byte. The lower bytes hold other data.
static void test_types_by_byte(void **state)
{
	struct given page = with_mapcount(0, 0xf0000000);
	struct given second = plain(9);

	(void)state;
	dead_info_set(machine, "NUMBER(PG_slab)=", "9\nNUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-184549376");
	dead_info_drop(machine, "NUMBER(PG_slab)=");
	dead_info_set(machine, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=", "-268435456");
	dead_info_set(machine, "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=",
		      "-251658240\nNUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-201326592");
	page.private = 3;
	put_page(8, page);
	judge(LB_FILTER_FREE);
	check_left_out(8, 8);
	page.mapcount = 0xf5000000; // the type of a slab
	page.mapping = ANON;
	put_page(8, page);
	judge(LB_FILTER_ALL);
	check_left_out(0, 0);
	page.mapcount = 0xf5000007;
	put_page(8, page);
	judge(LB_FILTER_ALL);
	check_left_out(0, 0);
	put_page(8, with_mapcount(0, 0xf1000000)); // the type of an offline page
	assert_int_equal(judge(0)->offline, 1);
	check_left_out(8, 1);
	put_page(8, plain(0));
	put_compound(512, 9, 0, with_mapcount(0, 0xf4000001));
	second.compound_head = VMEMMAP + 512 * 64 + 1;
	put_page(513, second);
	judge(LB_FILTER_USER);
	check_left_out(512, 512);
	put_page(512, with_mapcount(HEAD, 0));
	judge(LB_FILTER_ALL);
	check_left_out(0, 0);
}

// Linux 6.9 to 6.11 clear a bit for a page type, also for slabs. 6.11 uses other bits, and the lower bits for
// a mapcount.
static void test_types_by_bit(void **state)
{
	struct given page = with_mapcount(0, 0xbfffffff);

	(void)state;
	dead_info_set(machine, "NUMBER(PG_slab)=", "9\nNUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=-33554433");
	dead_info_drop(machine, "NUMBER(PG_slab)=");
	dead_info_set(machine, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=", "-1073741825");
	page.private = 2;
	put_page(4, page);
	judge(LB_FILTER_FREE);
	check_left_out(4, 4);
	page.mapcount = 0xbdffffff; // two types: a slab too
	put_page(4, page);
	judge(LB_FILTER_FREE);
	check_left_out(0, 0);
	page.mapcount = 0x3fffffff; // no type, but a page mapped many times
	put_page(4, page);
	judge(LB_FILTER_FREE);
	check_left_out(0, 0);
}

// Such pages are left out at any level, because reading them may stop the machine.
static void test_hwpoison_and_offline(void **state)
{
	struct given tail = plain(HWPOISON);

	(void)state;
	put_page(5, plain(HWPOISON));
	assert_int_equal(judge(0)->hwpoison, 1);
	check_left_out(5, 1);
	tail.compound_head = VMEMMAP + 1;
	put_page(5, tail);
	assert_int_equal(judge(LB_FILTER_ALL)->hwpoison, 1);
	check_left_out(5, 1);
	put_page(5, with_mapcount(0, OFFLINE));
	assert_int_equal(judge(0)->offline, 1);
	check_left_out(5, 1);
	put_page(5, with_mapcount(SLAB, OFFLINE));
	judge(0);
	check_left_out(0, 0);
}

// A frame without a struct page is dumped.
static void test_unmapped(void **state)
{
	(void)state;
	for (uint64_t pfn = 0; pfn < FRAMES; pfn++)
		put_free(pfn, 0);
	put_section(2, 1); // the section is present but has no map
	dead_unmap(machine, VMEMMAP + 1024 * 64);
	machine->hole = MAP + 1280 * 64;
	assert_int_equal(judge(LB_FILTER_FREE)->unmapped, 256 + 2 * 64);
	for (uint64_t pfn = 0; pfn < FRAMES; pfn++)
		assert_int_equal(dumped(pfn), (pfn >= 512 && pfn < 768) || (pfn >= 1024 && pfn < 1024 + 64) ||
						      (pfn >= 1280 && pfn < 1344));
}

// RAM that mem= or memmap= hides from the kernel is in no section. It is left out from level 2 on.
static void test_unused(void **state)
{
	(void)state;
	put_section(1, 0);
	put_section(2, 2); // the section has a map but is not present
	for (uint32_t wanted = 2; wanted <= LB_FILTER_FREE; wanted *= 2) {
		assert_int_equal(judge(wanted)->unused, 512);
		assert_int_equal(level.unused_pages, 512);
		assert_null(level.keeps_unused);
		check_left_out(256, 512);
	}
	for (uint32_t wanted = 0; wanted < 2; wanted++) {
		assert_int_equal(judge(wanted)->unused, 0);
		check_left_out(0, 0);
	}
	pieces[0] = (struct lb_ram_piece){{300 * LB_PAGE, 500 * LB_PAGE}, 300 * LB_PAGE};
	pieces[1] = (struct lb_ram_piece){{600 * LB_PAGE, FRAMES * LB_PAGE}, 600 * LB_PAGE};
	ram = (struct lb_ram){.pieces = pieces, .count = 2, .pages = 200 + FRAMES - 600, .max_pfn = FRAMES};
	assert_int_equal(judge(LB_FILTER_ALL)->unused, 200 + 168);
	assert_false(dumped(300));
	assert_false(dumped(767));
	assert_true(dumped(768));
	machine->hole = ROOT; // a table that cannot be read does not prove that a section is absent
	assert_int_equal(judge(LB_FILTER_ALL)->unused, 0);
	assert_true(dumped(300));
}

// Frames above the highest that the kernel can have are not its own either.
static void test_unused_beyond(void **state)
{
	(void)state;
	pieces[1] = (struct lb_ram_piece){{1ULL << 32, (1ULL << 32) + 16 * LB_PAGE}, 1ULL << 20};
	ram = (struct lb_ram){
		.pieces = pieces, .count = 2, .pages = FRAMES + 16, .max_pfn = (1ULL << 20) + 16};
	open_filter(LB_FILTER_ALL);
	assert_int_equal(level.unused_pages, 16);
}

static bool was_capture_kernel;

bool lb_was_capture_kernel(const struct lb_deadspace *dead)
{
	assert_ptr_equal(dead, &machine->dead);
	return was_capture_kernel;
}

// A known capture kernel is judged. RAM outside its sections is kept even if it is less than half, because it
// may hold the first kernel.
static void test_unused_by_a_known_capture_kernel(void **state)
{
	(void)state;
	was_capture_kernel = true;
	judge(LB_FILTER_ALL);
	assert_null(level.keeps_unused);
	put_section(1, 0);
	assert_int_equal(judge(LB_FILTER_ALL)->unused, 0);
	assert_non_null(strstr(level.keeps_unused, "elfcorehdr="));
	assert_int_equal(level.unused_pages, SECTION_PAGES);
	check_left_out(0, 0);
	was_capture_kernel = false;
	assert_int_equal(judge(LB_FILTER_ALL)->unused, SECTION_PAGES);
}

// A kernel that has less than half of RAM may be a capture kernel. The other RAM may be what it was to save,
// and is kept.
static void test_unused_by_a_capture_kernel(void **state)
{
	(void)state;
	for (unsigned int section = 0; section < 8; section++)
		put_section(section, 0);
	assert_int_equal(judge(LB_FILTER_ALL)->unused, FRAMES / 2);
	assert_null(level.keeps_unused);
	put_section(8, 0);
	assert_int_equal(judge(LB_FILTER_ALL)->unused, 0);
	assert_non_null(strstr(level.keeps_unused, "less than half"));
	assert_int_equal(level.unused_pages, 9 * SECTION_PAGES);
	check_left_out(0, 0);
}

static void test_no_root(void **state)
{
	(void)state;
	put_free(5, 0);
	dead_put(machine, ROOTS, 0, 8);
	assert_int_equal(judge(LB_FILTER_ALL)->unmapped, FRAMES);
	dead_put(machine, ROOTS, 0xdead000000000000, 8);
	assert_int_equal(judge(LB_FILTER_ALL)->unmapped, FRAMES);
	check_left_out(0, 0);
}

// Without SPARSEMEM_EXTREME, mem_section is one array of struct mem_section.
static void test_static_sections(void **state)
{
	char text[40];

	(void)state;
	put_free(2000, 4);
	snprintf(text, sizeof(text), "%llx", DEAD_DIRECT + ROOT);
	dead_info_set(machine, "SYMBOL(mem_section)=", text);
	dead_info_set(machine, "LENGTH(mem_section)=", "4096");
	judge(LB_FILTER_FREE);
	check_left_out(2000, 16);
}

// Struct pages of 56 bytes may lie across two pages, and so may the head and the second page of a compound
// page.
static void test_straddling(void **state)
{
	(void)state;
	page_bytes = 56;
	dead_info_set(machine, "SIZE(page)=", "56");
	for (uint64_t pfn = 0; pfn < FRAMES; pfn++)
		put_page(pfn, plain(0));
	for (uint64_t pfn = 0; pfn < FRAMES; pfn += 2)
		put_compound(pfn, 1, HUGETLB_DTOR, plain(0));
	assert_int_equal(judge(LB_FILTER_USER)->user, FRAMES);
	check_left_out(0, FRAMES);
}

static void test_ladder(void **state)
{
	static const struct {
		const char *key;
		uint32_t lost;
	} rungs[] = {
		{"SYMBOL(mem_section)=", 30},
		{"LENGTH(mem_section)=", 30},
		{"SIZE(page)=", 30},
		{"OFFSET(page.flags)=", 30},
		{"OFFSET(page._mapcount)=", 30},
		{"OFFSET(page.compound_head)=", 30},
		{"OFFSET(page.mapping)=", 14},
		{"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=", LB_FILTER_FREE},
		{"OFFSET(page.private)=", LB_FILTER_FREE},
		{"LENGTH(zone.free_area)=", LB_FILTER_FREE},
		{"NUMBER(PG_lru)=", 6},
		{"NUMBER(PG_private)=", 6},
		{"NUMBER(PG_swapcache)=", 6},
		{"NUMBER(PG_head_mask)=", 14},
		{"OFFSET(page.compound_order)=", 14},
	};
	char before[DEAD_INFO_MAX], key[64];

	(void)state;
	memcpy(before, machine->info, sizeof(before));
	for (size_t i = 0; i < sizeof(rungs) / sizeof(rungs[0]); i++) {
		dead_info_drop(machine, rungs[i].key);
		assert_int_equal(judge(LB_FILTER_ALL)->dumped, FRAMES);
		assert_int_equal(level.bits, LB_FILTER_ALL & ~rungs[i].lost);
		snprintf(key, sizeof(key), "%.*s", (int)strlen(rungs[i].key) - 1, rungs[i].key);
		assert_non_null(strstr(level.why, key));
		judge(LB_FILTER_ALL & ~rungs[i].lost);
		assert_string_equal(level.why, "");
		dead_info(machine, "%s", before);
	}
	dead_info(machine, "%s", "OSRELEASE=6.1\n");
	judge(LB_FILTER_ALL);
	assert_int_equal(level.bits, LB_FILTER_ZERO);
	assert_string_equal(level.why,
			    "cache, user and free pages are dumped too, since VMCOREINFO has no usable "
			    "SYMBOL(mem_section)");
}

static void test_lies(void **state)
{
	static const char *const lies[][2] = {
		{"SIZE(mem_section)=", "0"},
		{"SIZE(mem_section)=", "8192"},
		{"LENGTH(mem_section)=", "17"},
		{"OFFSET(mem_section.section_mem_map)=", "9"},
		{"NUMBER(SECTION_SIZE_BITS)=", "63"},
		{"NUMBER(MAX_PHYSMEM_BITS)=", "64"},
		{"SIZE(page)=", "-1"},
		{"SIZE(page)=", "300"},
		{"OFFSET(page.flags)=", "57"},
		{"OFFSET(page._mapcount)=", "-4"},
		{"OFFSET(page.compound_head)=", "64"},
		{"OFFSET(page.mapping)=", "57"},
		{"NUMBER(PG_lru)=", "64"},
		{"NUMBER(PG_private)=", "-1"},
		{"OFFSET(page.private)=", "60"},
		{"LENGTH(zone.free_area)=", "64"},
		{"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=", "-1"},
		{"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=", "5"},
		{"OFFSET(page.compound_order)=", "64"},
		{"NUMBER(PG_head_mask)=", "0"},
	};
	char before[DEAD_INFO_MAX], key[64];

	(void)state;
	memcpy(before, machine->info, sizeof(before));
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		dead_info_set(machine, lies[i][0], lies[i][1]);
		assert_int_equal(judge(LB_FILTER_ALL)->dumped, FRAMES);
		assert_true(level.bits < LB_FILTER_ALL);
		snprintf(key, sizeof(key), "%.*s", (int)strlen(lies[i][0]) - 1, lies[i][0]);
		assert_non_null(strstr(level.why, key));
		dead_info(machine, "%s", before);
	}
}

// The filter reads few pages for many struct pages.
static void test_reads(void **state)
{
	(void)state;
	open_filter(LB_FILTER_ALL);
	machine->pages_read = 0;
	run(FRAMES);
	// For a page of struct pages: one read, and a walk of 4. For a section: two more reads, and their
	// walks.
	assert_in_range(machine->pages_read, FRAMES / 64, FRAMES / 64 * 5 + SECTIONS * 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_ram),
		TEST(test_free_blocks),
		TEST(test_free_beyond_ram),
		TEST(test_cache),
		TEST(test_user),
		TEST(test_hugetlb),
		TEST(test_compound_order),
		TEST(test_compound_beyond),
		TEST(test_flags_1),
		TEST(test_no_hugetlbfs),
		TEST(test_folio_offsets),
		TEST(test_types_by_byte),
		TEST(test_types_by_bit),
		TEST(test_hwpoison_and_offline),
		TEST(test_unmapped),
		TEST(test_unused),
		TEST(test_unused_beyond),
		TEST(test_unused_by_a_capture_kernel),
		TEST(test_unused_by_a_known_capture_kernel),
		TEST(test_no_root),
		TEST(test_static_sections),
		TEST(test_straddling),
		TEST(test_ladder),
		TEST(test_lies),
		TEST(test_reads),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
