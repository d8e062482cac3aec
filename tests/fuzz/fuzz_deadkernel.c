// SPDX-License-Identifier: BSD-2-Clause
// Property: whatever a dead kernel's memory holds, reading it ends within the budget of pages, asks for whole
// pages only, and touches no byte outside of the page read last (all others are poisoned for ASan). The
// results fit together: addresses are where the kernel's layout has them, and lengths are within their
// limits. Hot-added RAM is found only where it may be, and no other memory is read for it. The input is
// damage to a small machine's memory. Without damage everything is found.
#include <sanitizer/asan_interface.h>

#include "crash/dead/deadkernel.h"
#include "crash/dead/deadmem.h"
#include "crash/dead/hotadd.h"
#include "crash/plan/elfcore.h"
#include "fuzz.h"
#include "lifeboat/x86.h"

#define P X86_PTE_P
#define W X86_PTE_W
#define NX X86_PTE_NX

// RAM has two pieces: page frames 0 to 23, and the kernel's memory from 2 MiB on.
#define LOW_PAGES 24U
#define HIGH 0x200000ULL
#define HIGH_PAGES 40U
#define PAGES (LOW_PAGES + HIGH_PAGES)
#define FAST_READS 20000U // after so many reads nothing is RAM any more, to keep a run short

#define TEXT 0xffffffff93400000ULL // 16 pages of text, then 16 of data
#define TEXT_PAGES 16U
#define IMAGE_PAGES 32U
#define DATA (TEXT + TEXT_PAGES * LB_PAGE)
#define KASLR (TEXT - 0xffffffff81000000ULL)
#define PHYS_BASE (HIGH - (TEXT - LB_KERNEL_MAP))
#define PHYS_BITS 39U

// Numbers of page frames.
enum { PML4, IMAGE_PDPT, IMAGE_PD, IMAGE_PT, DIRECT_PDPT, DIRECT_PD, DIRECT_PT, DIRECT_PT2, PML5 };
#define NOTE 0xa000ULL
#define UNITS 0xc000ULL // per-CPU units of two CPUs
#define UNIT_BYTES 0x2000ULL
#define SELF_AT 0x238ULL // offset of this_cpu_off in a unit
#define NOTES_AT 0x1400ULL // offset of crash_notes in a unit

// Where memory may be hot-added. It was added from HOTADDED on, for a GiB.
static const struct lb_range hotplug[] = {{4 * LB_GIB, 64 * LB_GIB}, {LB_TIB + LB_PAGE, 1ULL << 52}};
#define HOTADDED (8 * LB_GIB)

// __per_cpu_offset[]
#define OFFSETS (DATA + 0x40) // __per_cpu_offset[]
#define NOTES_PTR (DATA + 0x208)
#define NOTE_PTR (DATA + 0x1118)
#define NUM_SYMS (DATA + 0x2000)
#define NAMES (DATA + 0x2010)
#define SYM_OFFSETS (DATA + 0x2804)
#define TOKEN_TABLE (DATA + 0x3000)
#define TOKEN_INDEX (DATA + 0x3400)

struct machine {
	bool la57;
	bool has_note;
	uint64_t page_offset;
	uint64_t cr3, gs_base;
	unsigned int phys_bits;
};

static uint8_t ram[PAGES][LB_PAGE] __attribute__((aligned(4096)));
static uint8_t *visible; // the page read last
static uint32_t reads;
static struct lb_hotadd hotadded;

static const void *read_page(void *ctx, uint64_t phys)
{
	uint64_t frame = phys / LB_PAGE;

	(void)ctx;
	fuzz_check(phys % LB_PAGE == 0);
	if (visible)
		__asan_poison_memory_region(visible, LB_PAGE);
	visible = NULL;
	if (++reads > FAST_READS)
		return NULL;
	if (frame >= HIGH / LB_PAGE && frame < HIGH / LB_PAGE + HIGH_PAGES)
		visible = ram[frame - HIGH / LB_PAGE + LOW_PAGES];
	else if (frame < LOW_PAGES)
		visible = ram[frame];
	else if (lb_hotadd_is_ram(&hotadded, phys))
		visible = ram[frame % PAGES]; // tables may lie in hot-added RAM too; it shows the same pages
	if (visible)
		__asan_unpoison_memory_region(visible, LB_PAGE);
	return visible;
}

static const struct lb_physmem mem = {.page = read_page};

static uint8_t *low_at(uint64_t phys)
{
	return &ram[0][0] + phys;
}

static uint8_t *image_at(uint64_t virt)
{
	return &ram[LOW_PAGES][0] + (virt - TEXT);
}

static void put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put_entry(unsigned int table, uint64_t virt, unsigned int shift, uint64_t entry)
{
	put64(ram[table] + 8 * (virt >> shift & 511), entry);
}

static void link_table(unsigned int table, uint64_t virt, unsigned int shift, unsigned int lower)
{
	put_entry(table, virt, shift, lower * LB_PAGE | P | W);
}

static void build_tables(struct machine *m)
{
	m->page_offset = m->la57 ? 0xff11000040000000ULL : 0xffff888040000000ULL;
	m->cr3 = (m->la57 ? PML5 : PML4) * LB_PAGE;
	if (m->la57) {
		link_table(PML5, TEXT, 48, PML4);
		link_table(PML5, m->page_offset, 48, PML4);
	}
	link_table(PML4, TEXT, 39, IMAGE_PDPT);
	link_table(IMAGE_PDPT, TEXT, 30, IMAGE_PD);
	link_table(IMAGE_PD, TEXT, 21, IMAGE_PT);
	for (unsigned int i = 0; i < IMAGE_PAGES; i++)
		put_entry(IMAGE_PT, TEXT + i * LB_PAGE, 12,
			  (HIGH + i * LB_PAGE) | P | (i < TEXT_PAGES ? 0 : W | NX));
	link_table(PML4, m->page_offset, 39, DIRECT_PDPT);
	link_table(DIRECT_PDPT, m->page_offset, 30, DIRECT_PD);
	put_entry(DIRECT_PDPT, m->page_offset + HOTADDED, 30, HOTADDED | P | W | NX | X86_PTE_PS);
	link_table(DIRECT_PD, m->page_offset, 21, DIRECT_PT);
	link_table(DIRECT_PD, m->page_offset + HIGH, 21, DIRECT_PT2);
	for (unsigned int i = 0; i < LOW_PAGES; i++)
		put_entry(DIRECT_PT, i * LB_PAGE, 12, i * LB_PAGE | P | W | NX);
	for (unsigned int i = 0; i < HIGH_PAGES; i++)
		put_entry(DIRECT_PT2, i * LB_PAGE, 12, (HIGH + i * LB_PAGE) | P | W | NX);
}

static void build_note(const struct machine *m)
{
	const uint32_t head[3] = {sizeof("VMCOREINFO"), LB_VMCOREINFO_MAX, 0};
	uint8_t *note = low_at(NOTE);

	memcpy(note, head, sizeof(head));
	memcpy(note + sizeof(head), "VMCOREINFO", sizeof("VMCOREINFO"));
	snprintf((char *)note + 24, LB_VMCOREINFO_MAX,
		 "OSRELEASE=6.1\nSYMBOL(_stext)=%llx\nNUMBER(phys_base)=%lld\nKERNELOFFSET=%llx\n"
		 "SYMBOL(kallsyms_names)=%llx\nSYMBOL(kallsyms_num_syms)=%llx\n"
		 "SYMBOL(kallsyms_token_table)=%llx\nSYMBOL(kallsyms_token_index)=%llx\n"
		 "SYMBOL(kallsyms_offsets)=%llx\n",
		 TEXT, (long long)PHYS_BASE, KASLR, NAMES, NUM_SYMS, TOKEN_TABLE, TOKEN_INDEX, SYM_OFFSETS);
	put64(image_at(NOTE_PTR), m->page_offset + NOTE);
}

// Builds kallsyms in which each token is one letter.
static void build_kallsyms(void)
{
	static const struct {
		const char *name; // the type letter, then the name
		uint64_t address;
	} symbols[] = {{"T_text", TEXT}, {"D__per_cpu_offset", OFFSETS}, {"Bcrash_notes", NOTES_PTR}};
	uint8_t *names = image_at(NAMES);

	for (unsigned int i = 0; i < 256; i++) {
		image_at(TOKEN_TABLE)[2 * i] = (uint8_t)i;
		image_at(TOKEN_INDEX)[2 * i] = (uint8_t)(2 * i);
		image_at(TOKEN_INDEX)[2 * i + 1] = (uint8_t)(2 * i >> 8);
	}
	*image_at(NUM_SYMS) = 3;
	for (unsigned int i = 0; i < 3; i++) {
		int32_t offset = (int32_t)(symbols[i].address - (SYM_OFFSETS + 4 * i));

		*names++ = (uint8_t)strlen(symbols[i].name);
		memcpy(names, symbols[i].name, strlen(symbols[i].name));
		names += strlen(symbols[i].name);
		memcpy(image_at(SYM_OFFSETS + 4 * i), &offset, sizeof(offset));
	}
}

static void build_cpus(struct machine *m)
{
	const uint32_t head[5] = {sizeof("CORE"), sizeof(struct lb_prstatus), 1, 0x45524f43};
	const struct lb_prstatus status = {.pid = 7, .regs = {.rip = TEXT}};

	m->gs_base = m->page_offset + UNITS;
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		uint64_t offset = m->gs_base + cpu * UNIT_BYTES;

		put64(image_at(OFFSETS) + 8ULL * cpu, offset);
		put64(low_at(UNITS + cpu * UNIT_BYTES + SELF_AT), offset);
	}
	put64(image_at(OFFSETS) + 16, DATA); // no CPU's offset
	put64(image_at(OFFSETS) + 24, DATA);
	put64(image_at(NOTES_PTR), NOTES_AT);
	memcpy(low_at(UNITS + UNIT_BYTES + NOTES_AT), head, sizeof(head));
	memcpy(low_at(UNITS + UNIT_BYTES + NOTES_AT) + sizeof(head), &status, sizeof(status));
}

static struct machine build(uint8_t flags)
{
	struct machine m = {.la57 = flags & 1, .has_note = flags & 2, .phys_bits = PHYS_BITS};

	__asan_unpoison_memory_region(ram, sizeof(ram));
	memset(ram, 0, sizeof(ram));
	memset(&hotadded, 0, sizeof(hotadded));
	visible = NULL;
	reads = 0;
	build_tables(&m);
	if (m.has_note)
		build_note(&m);
	build_kallsyms();
	build_cpus(&m);
	return m;
}

// Makes one change: to a word, by a likely value; to bytes; or to what the hook passes on.
static void damage(struct fuzz_input *input, struct machine *m)
{
	uint8_t how = (uint8_t)fuzz_take(input, 1);
	uint64_t place = fuzz_take(input, 2) % (sizeof(ram) / 8) * 8;
	uint8_t *word = &ram[0][0] + place;
	uint64_t entry;

	switch (how % 8) {
	case 0:
		put64(word, fuzz_take(input, 8));
		break;
	case 1: // a table or another page
		entry = fuzz_take(input, 1) % LOW_PAGES * LB_PAGE | P;
		put64(word, entry | fuzz_take(input, 1) | (how & 8 ? HIGH : 0) | (how & 16 ? NX : 0));
		break;
	case 2:
		put64(word, m->page_offset + fuzz_take(input, 3));
		break;
	case 3:
		put64(word, TEXT + fuzz_take(input, 3));
		break;
	case 4:
		for (uint64_t left = fuzz_take(input, 1); left && place < sizeof(ram); left--, place++)
			(&ram[0][0])[place] = (uint8_t)fuzz_take(input, 1);
		break;
	case 5:
		memcpy(ram[place / LB_PAGE], ram[fuzz_take(input, 1) % PAGES], LB_PAGE);
		break;
	case 6:
		m->cr3 = (m->cr3 & ~0xffffULL) ^ fuzz_take(input, 8);
		break;
	case 7:
		m->gs_base += fuzz_take(input, 3);
		m->phys_bits = 36 + how / 8 % 17;
		break;
	}
}

static void check_fits_together(const struct machine *m, const struct lb_deadkernel *dead)
{
	fuzz_check(dead->space.la57 == m->la57 && dead->space.cr3 == m->cr3);
	if (dead->encrypted)
		fuzz_check(!dead->has_text && !dead->has_page_offset && !dead->has_cpus);
	if (!dead->has_text) {
		fuzz_check(!dead->has_page_offset && !dead->has_vmcoreinfo);
		return;
	}
	fuzz_check(dead->text_virt >= LB_KERNEL_MAP && dead->text_virt < 0xffffffffc0000000ULL);
	fuzz_check(lb_aligned(dead->text_virt | dead->text_phys, 2 * LB_MIB));
	fuzz_check(lb_aligned(dead->image_bytes, LB_PAGE));
	fuzz_check(dead->image_bytes > 0 && dead->image_bytes <= 0xffffffffc0000000ULL - dead->text_virt);
	fuzz_check(dead->phys_base == dead->text_phys - (dead->text_virt - LB_KERNEL_MAP));
	if (dead->swapper_pg_dir)
		fuzz_check(dead->swapper_pg_dir - dead->text_virt < dead->image_bytes);
	if (dead->has_page_offset)
		fuzz_check(lb_aligned(dead->page_offset, LB_GIB) && dead->page_offset >> 63);
	if (dead->has_vmcoreinfo) {
		fuzz_check(dead->has_page_offset && dead->vmcoreinfo_candidates > 0);
		fuzz_check(lb_aligned(dead->vmcoreinfo_phys, LB_PAGE));
		fuzz_check(dead->space.vmcoreinfo.bytes <= LB_VMCOREINFO_MAX);
	}
	if (dead->has_cpus)
		fuzz_check(dead->cpu_count > 0 && dead->cpu_count <= 8192 &&
			   dead->this_cpu < dead->cpu_count);
}

static void check_notes(const struct lb_deadkernel *dead)
{
	const struct lb_vmcoreinfo *info = &dead->space.vmcoreinfo;
	char *text = fuzz_alloc(LB_VMCOREINFO_MAX);
	struct lb_user_regs regs;
	uint32_t length;
	int32_t pid;

	fuzz_check(dead->has_vmcoreinfo == (info->bytes != 0));
	fuzz_check(!info->bytes || !memchr(info->text, '\0', info->bytes));
	length = lb_deadkernel_synthesise(dead, "6.1.0-test (x@y)", text);
	fuzz_check(length <= LB_VMCOREINFO_MAX && !memchr(text, '\0', length));
	free(text);
	for (uint32_t cpu = 0; cpu < dead->cpu_count && cpu < 16; cpu++)
		lb_deadkernel_cpu_regs(dead, cpu, &regs, &pid);
	fuzz_check(!lb_deadkernel_cpu_regs(dead, dead->cpu_count, &regs, &pid));
}

static void check_hotadded(const struct lb_deadkernel *dead, uint32_t room)
{
	uint64_t last = 0, all = 0;

	reads = 0;
	lb_hotadd_find(&mem, dead, hotplug, 2, room, &hotadded);
	fuzz_check(reads <= LB_HOTADD_PAGES);
	fuzz_check(hotadded.count <= room && hotadded.count <= LB_HOTADD_MAX);
	for (uint32_t i = 0; i < hotadded.count; i++) {
		struct lb_range range = hotadded.ranges[i];

		fuzz_check(lb_aligned(range.start | range.end, LB_PAGE) && !lb_range_empty(range));
		fuzz_check(i == 0 || range.start > last);
		fuzz_check(lb_range_contains(hotplug[0], range) || lb_range_contains(hotplug[1], range));
		last = range.end;
	}
	for (unsigned int i = 0; i < 2; i++)
		all += lb_range_size(hotplug[i]);
	fuzz_check(lb_hotadd_bytes(&hotadded) + hotadded.missing_bytes <= all);
	fuzz_check(hotadded.unsearched_bytes <= all);
	fuzz_check(dead->has_page_offset || hotadded.unsearched_bytes == all);
	fuzz_check(!hotadded.missing == !hotadded.missing_bytes);
}

static void check_undamaged(const struct machine *m, const struct lb_deadkernel *dead)
{
	struct lb_user_regs regs;
	int32_t pid;

	fuzz_check(dead->has_text && dead->text_virt == TEXT && dead->text_phys == HIGH);
	fuzz_check(dead->image_bytes == IMAGE_PAGES * LB_PAGE && dead->kaslr_offset == KASLR);
	fuzz_check(dead->has_page_offset && dead->page_offset == m->page_offset);
	fuzz_check(dead->has_vmcoreinfo == m->has_note && (!m->has_note || dead->vmcoreinfo_phys == NOTE));
	fuzz_check(dead->has_cpus && dead->this_cpu == 0 && dead->cpu_count == 2);
	fuzz_check(dead->per_cpu_offset == OFFSETS && dead->crash_notes == NOTES_AT);
	fuzz_check(!lb_deadkernel_cpu_regs(dead, 0, &regs, &pid));
	fuzz_check(lb_deadkernel_cpu_regs(dead, 1, &regs, &pid));
	fuzz_check(pid == 7 && regs.rip == TEXT);
	fuzz_check(hotadded.count == 1 && hotadded.missing == 0 && hotadded.unsearched_bytes == 0);
	fuzz_check(hotadded.ranges[0].start == HOTADDED && hotadded.ranges[0].end == HOTADDED + LB_GIB);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	struct machine m = build((uint8_t)fuzz_take(&input, 1));
	struct lb_deadkernel dead;
	bool whole = input.left == 0;
	struct lb_deadspace space;
	char *note;

	while (input.left)
		damage(&input, &m);
	__asan_poison_memory_region(ram, sizeof(ram));
	note = fuzz_alloc(LB_VMCOREINFO_MAX);
	space = (struct lb_deadspace){.mem = &mem, .cr3 = m.cr3, .la57 = m.la57, .phys_bits = m.phys_bits};
	lb_deadkernel_read(&space, m.gs_base, note, &dead);
	fuzz_check(reads <= LB_DEADMEM_PAGES);
	check_fits_together(&m, &dead);
	check_notes(&dead);
	check_hotadded(&dead, (uint32_t)(m.phys_bits - 35)); // 1 to 17, depending on the damage
	if (whole)
		check_undamaged(&m, &dead);
	free(note);
	return 0;
}
