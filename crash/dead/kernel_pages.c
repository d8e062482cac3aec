// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/kernel_pages.h"

#include "crash/dead/frame_set.h"
#include "crash/dead/pages.h"
#include "crash/dead/struct_page.h"
#include "lib/bits.h"
#include "lib/load.h"
#include "lib/mem.h"
#include "lifeboat/x86.h"

#define LEVELS_MAX 5
#define COMPOUND_TAIL 1ULL // in page.compound_head
// The mask leaves out the upper bits of page.flags: section, node, zone, and the CPU that used the page
// last.
#define FLAGS_MASK 0xffffffULL

struct lb_kernel_pages {
	const struct lb_deadspace *dead;
	const struct lb_ram *ram;
	struct lb_pages pages;
	struct lb_struct_page at;
	uint64_t reserved; // mask of page.flags; 0: not known
	struct lb_range struct_pages; // virtual: the array of them
	struct lb_frame_set own, array; // array: frames of struct_pages
	uint64_t phys_mask; // of an entry's address
	uint64_t image; // physical: the first page of the image; UINT64_MAX: none yet
	uint64_t direct; // virtual address of physical 0 in the direct map; UINT64_MAX: not known yet
	uint32_t tables;
	// The stream.
	uint64_t frame;
	bool head_is_own; // of the compound page that was looked at last
	// Struct pages at hand: of frames [run, run_end), at `page`; NULL: there are none.
	uint64_t run, run_end;
	const uint8_t *page;
	// A table of each level, copied.
	uint64_t table[LEVELS_MAX][X86_PT_ENTRIES];
};

// ---- By page tables.

static bool in_direct_map(struct lb_kernel_pages *pages, uint64_t virt, uint64_t phys)
{
	// Physical 0 comes first in it, and it is the lowest thing that is mapped in the upper half but for
	// the LDT of page-table isolation, which lies below it and in pages of its own.
	if (pages->direct == UINT64_MAX && virt - phys < LB_KERNEL_MAP && lb_aligned(virt - phys, LB_GIB))
		pages->direct = virt - phys;
	return virt - phys == pages->direct;
}

static void add_leaf(struct lb_kernel_pages *pages, uint64_t virt, uint64_t phys, uint64_t bytes)
{
	if (in_direct_map(pages, virt, phys))
		return;
	if (virt >= LB_KERNEL_MAP && pages->image == UINT64_MAX)
		pages->image = phys;
	if (virt >= pages->struct_pages.start && virt < pages->struct_pages.end)
		lb_frame_set_add(&pages->array, phys / LB_PAGE, bytes / LB_PAGE);
	else
		lb_frame_set_add(&pages->own, phys / LB_PAGE, bytes / LB_PAGE);
}

// The page table at `phys`, which shows `virt` and up, into the copy for its level (0: the last). False: it
// is not to be followed. The last ones of the direct map, of which there may be very many, are not read.
static bool read_table(struct lb_kernel_pages *pages, uint64_t virt, uint64_t phys, int level)
{
	const void *page;

	if (!level && pages->direct != UINT64_MAX && virt - pages->direct < pages->ram->max_pfn * LB_PAGE) {
		lb_frame_set_add(&pages->own, phys / LB_PAGE, 1);
		return false;
	}
	if (pages->tables == LB_KERNEL_PAGES_TABLES)
		return false;
	page = lb_physmem_page(pages->dead->mem, phys);
	if (!page)
		return false;
	memcpy(pages->table[level], page, LB_PAGE);
	pages->tables++;
	lb_frame_set_add(&pages->own, phys / LB_PAGE, 1);
	return true;
}

// Is entry `i` the same as the one before it? KASAN's shadow repeats one table over and over.
static bool repeats(const struct lb_kernel_pages *pages, int level, unsigned int i)
{
	const uint64_t same = pages->phys_mask | X86_PTE_P;

	return i && !((pages->table[level][i] ^ pages->table[level][i - 1]) & same);
}

static bool is_leaf(uint64_t entry, int level)
{
	return !level || (level <= 2 && entry & X86_PTE_PS);
}

// All that the table of `level`, which is at hand and shows `virt` and up, leads to; by a stack of its own.
static void walk(struct lb_kernel_pages *pages, uint64_t virt, int top)
{
	unsigned int next[LEVELS_MAX] = {0};
	uint64_t at[LEVELS_MAX] = {0};
	int level = top;

	at[top] = virt;
	while (level <= top) {
		const unsigned int i = next[level]++, shift = 12 + 9 * (unsigned int)level;
		uint64_t entry, phys, shown;

		if (i == X86_PT_ENTRIES) {
			level++;
			continue;
		}
		entry = pages->table[level][i];
		if (!(entry & X86_PTE_P))
			continue;
		phys = entry & pages->phys_mask;
		shown = at[level] + ((uint64_t)i << shift);
		if (is_leaf(entry, level)) {
			add_leaf(pages, shown, lb_align_down(phys, 1ULL << shift), 1ULL << shift);
		} else if (!repeats(pages, level, i) && read_table(pages, shown, phys, level - 1)) {
			level--;
			next[level] = 0;
			at[level] = shown;
		}
	}
}

// The kernel's half of the address space: of the tables that readers begin at, where they are known.
static void walk_tables(struct lb_kernel_pages *pages)
{
	const struct lb_deadspace *dead = pages->dead;
	const int top = dead->la57 ? 4 : 3;
	uint64_t root = dead->cr3 & pages->phys_mask, swapper, phys_base;

	if (lb_vmcoreinfo_number(&dead->vmcoreinfo, "SYMBOL(swapper_pg_dir)=", 16, &swapper) &&
	    lb_vmcoreinfo_number(&dead->vmcoreinfo, "NUMBER(phys_base)=", 10, &phys_base))
		root = lb_align_down(swapper - LB_KERNEL_MAP + phys_base, LB_PAGE) & pages->phys_mask;
	if (!read_table(pages, 0, root, top))
		return;
	memset(pages->table[top], 0, LB_PAGE / 2);
	walk(pages, ~0ULL << (dead->la57 ? 57 : 48), top);
}

// ---- By struct pages.

// The struct page of `frame`, whose fields lie in the first bytes; NULL: it has none.
static const uint8_t *struct_page(struct lb_kernel_pages *pages, uint64_t frame)
{
	uint64_t count;

	if (frame < pages->run || frame >= pages->run_end) {
		pages->page = lb_pages_at(&pages->pages, frame, &count);
		pages->run = frame;
		pages->run_end = frame + count;
	}
	return pages->page ? pages->page + (frame - pages->run) * pages->at.bytes : NULL;
}

// Every section's map is the same with SPARSEMEM_VMEMMAP. Without it the array lies in the direct map, of
// which nothing is added by its tables, and what it covers here does not matter.
static void find_array(struct lb_kernel_pages *pages)
{
	const struct lb_ram *ram = pages->ram;
	uint64_t count, end, bytes;

	for (uint32_t i = 0; i < ram->count; i++) {
		if (!lb_pages_at(&pages->pages, ram->pieces[i].phys.start / LB_PAGE, &count))
			continue;
		if (!__builtin_mul_overflow(ram->max_pfn, pages->at.bytes, &bytes) &&
		    !__builtin_add_overflow(pages->pages.map, bytes, &end))
			pages->struct_pages = (struct lb_range){pages->pages.map, end};
		return;
	}
}

#define IMAGE_SAMPLES 3
#define IMAGE_STEP (512 * LB_KIB / LB_PAGE) // the smallest image has them all

static void find_reserved(struct lb_kernel_pages *pages)
{
	uint64_t flags = 0;

	for (uint64_t i = 0; i < IMAGE_SAMPLES && pages->image != UINT64_MAX; i++) {
		const uint8_t *page = struct_page(pages, pages->image / LB_PAGE + i * IMAGE_STEP);
		uint64_t these = page ? lb_load64(page + pages->at.flags) & FLAGS_MASK : 0;

		if (!these || these & (these - 1) || (i && these != flags))
			return;
		flags = these;
	}
	pages->reserved = flags;
}

// ---- Both.

// False: a key is missing, `*ret_key`.
static bool open_struct_pages(struct lb_kernel_pages *pages, const char **ret_key)
{
	*ret_key = lb_pages_open(&pages->pages, pages->dead);
	pages->at.bytes = pages->pages.layout.page_bytes;
	if (!*ret_key)
		*ret_key = lb_struct_page_basics(&pages->at, &pages->dead->vmcoreinfo);
	return !*ret_key;
}

int lb_kernel_pages_open(void *memory, uint64_t bytes, const struct lb_deadspace *dead,
			 const struct lb_ram *ram, struct lb_kernel_pages **ret_pages, struct lb_error *err)
{
	const uint64_t head = lb_align_up(sizeof(struct lb_kernel_pages), LB_PAGE);
	struct lb_kernel_pages *pages = memory;
	uint8_t *lists = (uint8_t *)memory + head;
	const char *key;

	_Static_assert(sizeof(struct lb_kernel_pages) <= LB_KERNEL_PAGES_BYTES / 2, "the rest is for lists");
	memset(pages, 0, sizeof(*pages));
	pages->dead = dead;
	pages->ram = ram;
	pages->phys_mask = X86_PTE_ADDR & (dead->phys_bits < 52 ? (1ULL << dead->phys_bits) - 1 : ~0ULL);
	pages->image = pages->direct = UINT64_MAX;
	if (!open_struct_pages(pages, &key))
		return lb_fail(err, "VMCOREINFO has no usable %.*s", (int)(lb_strlen(key) - 1), key);
	lb_frame_set_open(&pages->array, lists, (bytes - head) / 8);
	lb_frame_set_open(&pages->own, lists + (bytes - head) / 8, (bytes - head) / 8 * 7);
	find_array(pages);
	walk_tables(pages);
	lb_frame_set_close(&pages->own);
	lb_frame_set_close(&pages->array);
	pages->run_end = 0;
	find_reserved(pages);
	*ret_pages = pages;
	return 0;
}

struct lb_kernel_pages_facts lb_kernel_pages_facts(const struct lb_kernel_pages *pages)
{
	return (struct lb_kernel_pages_facts){
		.tables = pages->tables,
		.knows_reserved = pages->reserved,
		.cut = pages->own.full || pages->tables == LB_KERNEL_PAGES_TABLES,
	};
}

void lb_kernel_pages_rewind(struct lb_kernel_pages *pages)
{
	pages->frame = 0;
	pages->run = pages->run_end = 0;
	pages->head_is_own = false;
	lb_frame_set_rewind(&pages->own);
	lb_frame_set_rewind(&pages->array);
}

// A compound page's tails are what its head is, which came before them.
static bool said_own(struct lb_kernel_pages *pages, uint64_t frame)
{
	const uint8_t *page = struct_page(pages, frame);
	uint64_t flags;

	if (!page)
		return false;
	if (lb_load64(page + pages->at.compound_head) & COMPOUND_TAIL)
		return pages->head_is_own;
	flags = lb_load64(page + pages->at.flags);
	pages->head_is_own = (flags & pages->at.slab) ||
			     lb_page_is_type(pages->at.slab_type, lb_load32(page + pages->at.mapcount));
	return pages->head_is_own || (flags & pages->reserved);
}

static bool is_own(struct lb_kernel_pages *pages, uint64_t frame)
{
	const bool said = said_own(pages, frame);

	if (lb_frame_set_has(&pages->own, frame))
		return true;
	return said && !lb_frame_set_has(&pages->array, frame);
}

void lb_kernel_pages_keep(struct lb_kernel_pages *pages, uint64_t frames, uint8_t *bits)
{
	pages->run = pages->run_end = 0; // others have read since
	for (uint64_t i = 0; i < frames / LB_BYTE_BITS; i++) {
		for (uint8_t left = bits[i]; left; left &= (uint8_t)(left - 1)) {
			const unsigned int bit = (unsigned int)__builtin_ctz(left);

			if (!is_own(pages, pages->frame + i * LB_BYTE_BITS + bit))
				bits[i] &= (uint8_t) ~(1U << bit);
		}
	}
	pages->frame += frames;
}
