// SPDX-License-Identifier: BSD-2-Clause
#include "synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_platform.h"
#include "lifeboat/x86.h"

#define IMAGE_AT (16 * LB_MIB)
#define IMAGE_BYTES (32 * LB_MIB)
#define TABLES_AT (64 * LB_MIB)
#define SLAB_BYTES (256 * LB_MIB) // behind tables and mem_section
#define DIRECT 0xffff888000000000ULL
#define VMEMMAP 0xffffea0000000000ULL
#define TABLE (X86_PTE_P | X86_PTE_W | X86_PTE_A)
#define LEAF (TABLE | X86_PTE_D | X86_PTE_PS)
#define SECTION_BITS 27
#define PHYS_BITS 46
#define PER_ROOT (LB_PAGE / 16) // struct mem_section has 16 bytes
#define ROOTS ((1ULL << (PHYS_BITS - SECTION_BITS)) / PER_ROOT)
#define SECTION_FLAGS 7ULL // present, with a map, online
#define FREE_ORDER 10U

// struct page of 6.1, and its flags.
#define PAGE_LRU (1ULL << 4)
#define PAGE_UPTODATE (1ULL << 2)
#define PAGE_SLAB (1ULL << 9)
#define PAGE_RESERVED (1ULL << 11)
#define BUDDY ((uint32_t)-129)

struct page {
	uint64_t flags, lru_next, lru_prev, mapping, index, private;
	uint32_t mapcount, refcount;
	uint64_t memcg;
};
_Static_assert(sizeof(struct page) == 64, "struct page of 6.1");
#define PER_PAGE (LB_PAGE / sizeof(struct page))

static struct page struct_page(const struct synthetic *machine, uint64_t frame)
{
	const uint64_t self = VMEMMAP + frame * sizeof(struct page);
	struct page page = {.mapcount = UINT32_MAX, .refcount = 1};

	if (frame < machine->kernel_end) {
		page.flags = frame >= IMAGE_AT / LB_PAGE && frame < TABLES_AT / LB_PAGE ? PAGE_RESERVED
			     : frame < machine->struct_pages / LB_PAGE                  ? PAGE_SLAB
											: 0;
	} else if (frame < machine->cache_end) {
		page.flags = PAGE_LRU | PAGE_UPTODATE | frame >> 24 << 54; // the node
		page.lru_next = self + sizeof(page) + 8;
		page.lru_prev = self - sizeof(page) + 8;
		page.mapping = DIRECT + (frame >> 12 << 10);
		page.index = frame & 0xfff;
		page.memcg = DIRECT + 0x12345000;
	} else {
		page.refcount = 0;
		if (lb_aligned(frame, 1ULL << FREE_ORDER)) {
			page.mapcount = BUDDY;
			page.private = FREE_ORDER;
		}
	}
	return page;
}

static const void *make_page(struct synthetic *machine, uint8_t *to, uint64_t phys)
{
	struct page *pages = (struct page *)to;

	if (phys >= TABLES_AT && phys - TABLES_AT < machine->tables_bytes)
		return machine->tables + (phys - TABLES_AT);
	if (phys < machine->struct_pages || phys >= machine->kernel_end * LB_PAGE) {
		memcpy(to, machine->noise, LB_PAGE);
		memcpy(to, &phys, sizeof(phys));
		return to;
	}
	for (uint64_t i = 0; i < PER_PAGE; i++)
		pages[i] = struct_page(machine, (phys - machine->struct_pages) / sizeof(*pages) + i);
	return to;
}

const void *synthetic_page(void *ctx, uint32_t cpu, uint64_t phys)
{
	struct synthetic *machine = ctx;

	return make_page(machine, machine->page[cpu], phys);
}

static const void *page_of_dead(void *ctx, uint64_t phys)
{
	struct synthetic *machine = ctx;

	return phys < machine->frames * LB_PAGE ? make_page(machine, machine->page[LB_MAX_CAPTURE_CPUS], phys)
						: NULL;
}

// ---- Tables.

static uint64_t *table_at(struct synthetic *machine, uint64_t phys)
{
	return (uint64_t *)(machine->tables + (phys - TABLES_AT));
}

static uint64_t take_page(struct synthetic *machine)
{
	machine->tables_bytes += LB_PAGE;
	return TABLES_AT + machine->tables_bytes - LB_PAGE;
}

// Maps a leaf of 1 << `shift` bytes.
static void map(struct synthetic *machine, uint64_t virt, uint64_t phys, unsigned int shift)
{
	uint64_t *entry = table_at(machine, TABLES_AT) + (virt >> 39 & 511);

	for (unsigned int at = 30; at >= shift; at -= 9) {
		if (!*entry)
			*entry = take_page(machine) | TABLE;
		entry = table_at(machine, *entry & X86_PTE_ADDR) + (virt >> at & 511);
	}
	*entry = phys | LEAF;
}

static void make_tables(struct synthetic *machine)
{
	const uint64_t bytes = machine->frames * LB_PAGE;

	take_page(machine);
	for (uint64_t at = 0; at < bytes; at += LB_GIB)
		map(machine, DIRECT + at, at, 30);
	for (uint64_t at = 0; at < bytes / 64; at += 2 * LB_MIB)
		map(machine, VMEMMAP + at, machine->struct_pages + at, 21);
	for (uint64_t at = 0; at < IMAGE_BYTES; at += 2 * LB_MIB)
		map(machine, LB_KERNEL_MAP + IMAGE_AT + at, IMAGE_AT + at, 21);
}

// Makes the sections; returns the address of mem_section[].
static uint64_t make_sections(struct synthetic *machine)
{
	const uint64_t sections = machine->frames * LB_PAGE >> SECTION_BITS;
	uint64_t roots[ROOTS * sizeof(uint64_t) / LB_PAGE];

	for (uint64_t i = 0; i < ROOTS * sizeof(uint64_t) / LB_PAGE; i++)
		roots[i] = take_page(machine);
	for (uint64_t section = 0; section < sections; section += PER_ROOT) {
		const uint64_t at = take_page(machine);

		table_at(machine, roots[0])[section / PER_ROOT] = DIRECT + at;
		for (uint64_t i = 0; i < PER_ROOT && section + i < sections; i++)
			table_at(machine, at)[2 * i] = VMEMMAP | SECTION_FLAGS;
	}
	return DIRECT + roots[0];
}

static void tell(struct synthetic *machine, uint64_t mem_section)
{
	static const char format[] =
		"OSRELEASE=6.1.0-synthetic\nPAGESIZE=4096\nSYMBOL(mem_section)=%lx\nLENGTH(mem_section)=%"
		"llu\n"
		"SIZE(mem_section)=16\nOFFSET(mem_section.section_mem_map)=0\nNUMBER(SECTION_SIZE_BITS)=%u\n"
		"NUMBER(MAX_PHYSMEM_BITS)=%u\nSIZE(page)=64\nOFFSET(page.flags)=0\nOFFSET(page.mapping)=24\n"
		"OFFSET(page._mapcount)=48\nOFFSET(page.private)=40\nOFFSET(page.compound_dtor)=16\n"
		"OFFSET(page.compound_order)=17\nOFFSET(page.compound_head)=8\nLENGTH(zone.free_area)=11\n"
		"NUMBER(PG_lru)=4\nNUMBER(PG_private)=13\nNUMBER(PG_swapcache)=10\nNUMBER(PG_swapbacked)=19\n"
		"NUMBER(PG_slab)=9\nNUMBER(PG_hwpoison)=22\nNUMBER(PG_head_mask)=65536\n"
		"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129\nNUMBER(HUGETLB_PAGE_DTOR)=2\n"
		"NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257\n";

	machine->dead.vmcoreinfo.text = machine->info;
	machine->dead.vmcoreinfo.bytes = (uint32_t)lb_snprintf(machine->info, sizeof(machine->info), format,
							       mem_section, ROOTS, SECTION_BITS, PHYS_BITS);
}

void synthetic_open(struct synthetic *machine, uint64_t bytes, unsigned int percent)
{
	// At most: a PDPT for 512 GiB, a PD for each GiB of struct pages, mem_section and its roots.
	const uint64_t most = (64 + bytes / (512 * LB_GIB) + bytes / 64 / LB_GIB + 2 * ROOTS) * LB_PAGE;
	uint64_t seed = 1, rest;

	memset(machine, 0, sizeof(*machine));
	machine->frames = bytes / LB_PAGE;
	machine->struct_pages = lb_align_up(TABLES_AT + most + SLAB_BYTES, 2 * LB_MIB);
	machine->kernel_end = lb_align_up(machine->struct_pages + bytes / 64, 4 * LB_MIB) / LB_PAGE;
	rest = machine->frames - machine->kernel_end;
	machine->cache_end = lb_align_down(machine->kernel_end + rest / 100 * percent, 1ULL << FREE_ORDER);
	machine->tables = aligned_alloc(LB_PAGE, most);
	if (!machine->tables)
		bench_die("synthetic machine", "no memory for its page tables");
	memset(machine->tables, 0, most);
	// The page is half noise, half small numbers.
	for (unsigned int i = 0; i < LB_PAGE / 8; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		machine->noise[i] = i % 4 < 2 ? seed >> 16 : i % 4 == 2 ? DIRECT + (seed >> 40) * 64 : i;
	}
	machine->piece = (struct lb_ram_piece){{0, bytes}, 0};
	machine->ram = (struct lb_ram){
		.pieces = &machine->piece, .count = 1, .pages = machine->frames, .max_pfn = machine->frames};
	machine->mem = (struct lb_physmem){page_of_dead, machine};
	machine->dead = (struct lb_deadspace){.mem = &machine->mem, .cr3 = TABLES_AT, .phys_bits = PHYS_BITS};
	make_tables(machine);
	tell(machine, make_sections(machine));
	if (machine->tables_bytes > most)
		bench_die("synthetic machine", "more page tables than it has room for");
}
