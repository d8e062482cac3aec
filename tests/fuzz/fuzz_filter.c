// SPDX-License-Identifier: BSD-2-Clause
// Property: whatever struct pages, sections, tables and VMCOREINFO hold, every frame of RAM is judged once,
// nothing that is not RAM is dumped, the counts equal the bits, and the number of frames a call does not
// matter. No page is used but the one read last (the others are freed). The input is damage to a small
// machine.
#include "crash/dead/filter.h"
#include "fuzz.h"

#define DEAD_RAM (2 * LB_MIB)
#include "tests/unit/dead_machine.h"

#define SECTIONS 4U // number of sections, of 1 MiB each
#define FRAMES (SECTIONS * 256U)
#define ROOTS 0x100000ULL
#define ROOT 0x101000ULL
#define MAP 0x180000ULL
#define VMEMMAP 0xffffea0000000000ULL

static struct dead_machine *build(void)
{
	struct dead_machine *machine = dead_open();

	dead_info(
		machine,
		"SYMBOL(mem_section)=%llx\nLENGTH(mem_section)=16\nSIZE(mem_section)=16\n"
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
	for (uint64_t page = 0; page < FRAMES / 64; page++)
		dead_map(machine, VMEMMAP + page * LB_PAGE, MAP + page * LB_PAGE);
	for (uint64_t section = 0; section < SECTIONS; section++)
		dead_put(machine, ROOT + section * 16, VMEMMAP | 3, 8);
	return machine;
}

// Makes one change: to a field of a struct page, by a likely value; to a section; to an entry of a table; or
// to a byte of VMCOREINFO.
static void damage(struct fuzz_input *input, struct dead_machine *machine)
{
	static const uint64_t fields[] = {0, 8, 16, 24, 40, 48};
	static const uint64_t values[] = {1,          1 << 4,     1 << 9,     1 << 16,
					  1 << 22,    9 << 8 | 2, 200 << 8,   UINT32_MAX,
					  0xffffff7f, 10,         0xfffffeff, 0x5000ULL << 16};
	uint8_t how = (uint8_t)fuzz_take(input, 1);
	uint64_t at = fuzz_take(input, 2);
	uint64_t value = how & 0x10 ? fuzz_take(input, 8) : values[fuzz_take(input, 1) % 12];

	switch (how % 8) {
	case 0:
		machine->info[at % machine->dead.vmcoreinfo.bytes] = (char)value;
		break;
	case 1:
		dead_put(machine, ROOT + at % (SECTIONS * 16), VMEMMAP + value, 8);
		break;
	case 2:
		dead_put(machine, at % (8 * LB_PAGE), value, 8);
		break;
	default:
		dead_put(machine, MAP + at % FRAMES * 64 + fields[how % 6], value, how & 0x20 ? 4 : 8);
		break;
	}
}

static void judge(struct lb_filter *filter, uint64_t step, uint8_t *bits)
{
	lb_filter_rewind(filter);
	for (uint64_t pfn = 0; pfn < FRAMES; pfn += step) {
		uint8_t *exact = fuzz_alloc(step / 8);

		lb_filter_next(filter, step, exact);
		memcpy(bits + pfn / 8, exact, step / 8);
		free(exact);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	const uint32_t wanted = (uint32_t)fuzz_take(&input, 1) & LB_FILTER_ALL;
	struct lb_ram_piece pieces[2] = {{{0, 700 * LB_PAGE}, 0}, {{701 * LB_PAGE, 1000 * LB_PAGE}, 0}};
	const struct lb_ram ram = {.pieces = pieces, .count = 2, .pages = 999, .max_pfn = 1000};
	struct dead_machine *machine = build();
	void *memory = aligned_alloc(LB_PAGE, lb_filter_bytes());
	uint8_t whole[FRAMES / 8], parts[FRAMES / 8];
	struct lb_filter_count count;
	struct lb_filter *filter;
	uint64_t set = 0;
	struct lb_filter_level level;

	fuzz_check(memory);
	while (input.left)
		damage(&input, machine);
	fuzz_poison(&level, sizeof(level));
	filter = lb_filter_open(memory, &machine->dead, &ram, wanted, &level);
	fuzz_check((level.bits & ~wanted) == 0 && memchr(level.why, '\0', sizeof(level.why)));
	fuzz_check((level.bits == wanted) == (level.why[0] == '\0'));
	judge(filter, FRAMES, whole);
	count = *lb_filter_counts(filter);
	for (uint64_t pfn = 0; pfn < FRAMES; pfn++) {
		bool is_set = whole[pfn / 8] >> pfn % 8 & 1;

		fuzz_check(!is_set || (pfn < 1000 && pfn != 700));
		set += is_set;
	}
	fuzz_check(set == count.dumped && count.unmapped <= count.dumped);
	fuzz_check(count.dumped + count.cache + count.cache_private + count.user + count.free +
			   count.hwpoison + count.offline + count.unused ==
		   ram.pages);
	judge(filter, 64, parts);
	fuzz_check(memcmp(whole, parts, sizeof(whole)) == 0);
	fuzz_check(memcmp(&count, lb_filter_counts(filter), sizeof(count)) == 0);
	free(memory);
	dead_close(machine);
	return 0;
}
