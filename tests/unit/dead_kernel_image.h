// SPDX-License-Identifier: BSD-2-Clause
// A dead kernel for tests: RAM with page tables, a kernel image, VMCOREINFO, kallsyms, and per-CPU units. A
// test builds one, damages it, and reads it.
#ifndef LIFEBOAT_TESTS_UNIT_DEAD_KERNEL_IMAGE_H
#define LIFEBOAT_TESTS_UNIT_DEAD_KERNEL_IMAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/dead/deadkernel.h"
#include "crash/dead/vmcoreinfo_find.h"
#include "crash/plan/elfcore.h"
#include "lifeboat/range.h"
#include "lifeboat/x86.h"
#include "unit.h"

#define P X86_PTE_P
#define W X86_PTE_W
#define PS X86_PTE_PS
#define NX X86_PTE_NX

#define PHYS_BITS 40U

// The machine has 16 MiB of RAM from physical 0 on. These are the places in it.
#define RAM_BYTES (16 * LB_MIB)
#define TABLES 0x100000ULL // page tables, one after the other
#define IMAGE 0x400000ULL // text of 2 MiB, an unmapped MiB (freed init code), data of 1 MiB
#define DATA_OFFSET 0x300000ULL
#define IMAGE_BYTES 0x400000ULL
#define NOTE 0xa00000ULL // VMCOREINFO, of two pages
#define OLD_NOTE 0xa10000ULL // the VMCOREINFO of an earlier boot
#define UNITS 0xb00000ULL // a per-CPU unit of 64 KiB for each CPU
#define UNIT_BYTES 0x10000ULL
#define NOTES_AT 0x6400ULL // offset of crash_notes in a unit
#define SELF_AT 0x1238ULL // offset of this_cpu_off in a unit
#define CPUS 4U

#define KASLR 0x12400000ULL
#define TEXT (0xffffffff81000000ULL + KASLR)
#define DATA (TEXT + DATA_OFFSET)
#define VMALLOC 0xffffc90000000000ULL // the last CPU's unit lies here, with its pages in reverse order

// Places in the image's data.
#define SWAPPER (DATA + 0x1000)
#define EARLY_TOP (DATA + 0x6000)
#define DYING_PGD (DATA) // page tables of a process, in a page that the image gave back, below swapper_pg_dir
#define OFFSETS (DATA + 0x3040) // __per_cpu_offset[]
#define NOTES_PTR (DATA + 0x5018) // crash_notes
#define NOTE_PTR (DATA + 0x9990) // vmcoreinfo_note
#define ELFCOREHDR (DATA + 0xa008) // elfcorehdr_addr
#define COMMAND_LINE (DATA + 0xa010) // saved_command_line
#define PERCPU_LOAD (DATA + 0xe0000) // __per_cpu_load; __per_cpu_start from 6.15 on
#define NUM_SYMS (DATA + 0x10000)
#define RELATIVE_BASE (DATA + 0x10008)
#define NAMES (DATA + 0x10ff0)
#define TOKEN_TABLE (DATA + 0x40000)
#define TOKEN_INDEX (DATA + 0x41ff0)
#define SYM_OFFSETS (DATA + 0x43000)

#define PERCPU_SYMBOL 0x9010ULL // per-CPU address of a variable, as before Linux 7

enum symbols {
	NONE, // before 6.0: VMCOREINFO has no kallsyms
	BASE_NEGATIVE, // with kallsyms_relative_base, and complements as offsets
	BASE_POSITIVE, // with kallsyms_relative_base, and plain offsets
	PLACE_RELATIVE, // 7.x: without kallsyms_relative_base
};

struct machine {
	bool la57;
	enum symbols symbols;
	bool zero_based; // per-CPU addresses begin at 0
	bool has_note;
	uint32_t cpus;
	uint32_t this_cpu;
	// Set by build().
	uint64_t root, next_table;
	uint64_t page_offset;
	uint64_t gs_base;
};

static uint8_t *ram;
static uint8_t window[LB_PAGE] __attribute__((aligned(4096)));
static uint64_t pages_read;
static uint64_t ram_hole; // physical address of a page that cannot be read; 0: none

// Reads through one window: each call replaces what the window showed before.
static inline const void *window_page(void *ctx, uint64_t phys)
{
	(void)ctx;
	pages_read++;
	assert_true(lb_aligned(phys, LB_PAGE));
	if (phys >= RAM_BYTES || (ram_hole && phys == ram_hole))
		return NULL;
	memcpy(window, ram + phys, LB_PAGE);
	return window;
}

static const struct lb_physmem mem = {.page = window_page};

static inline uint64_t *words(uint64_t phys)
{
	assert_true(phys + LB_PAGE <= RAM_BYTES);
	return (uint64_t *)(void *)(ram + phys);
}

// Returns where an address of the image lies in `ram`.
static inline void *image_at(uint64_t virt)
{
	return ram + IMAGE + (virt - TEXT);
}

static inline void put64(uint64_t virt, uint64_t value)
{
	memcpy(image_at(virt), &value, sizeof(value));
}

static inline uint64_t take_table(struct machine *m)
{
	uint64_t table = m->next_table;

	m->next_table += LB_PAGE;
	assert_true(m->next_table <= IMAGE);
	return table;
}

// Returns the table entry for the page of `size` bytes (4 KiB or 2 MiB) at `virt`.
static inline uint64_t *entry_of(struct machine *m, uint64_t virt, uint64_t size)
{
	uint64_t table = m->root;

	for (int shift = m->la57 ? 48 : 39; 1ULL << shift > size; shift -= 9) {
		uint64_t *entry = &words(table)[virt >> shift & 511];

		if (!*entry)
			*entry = take_table(m) | P | W;
		table = *entry & X86_PTE_ADDR;
	}
	return &words(table)[virt >> (size == LB_PAGE ? 12 : 21) & 511];
}

static inline void map(struct machine *m, uint64_t virt, uint64_t phys, uint64_t size, uint64_t flags)
{
	*entry_of(m, virt, size) = phys | P | flags | (size == LB_PAGE ? 0 : PS);
}

// State of encode(), which appends a symbol (type letter and name) with the first tokens that fit.
struct encoder {
	const char *const *tokens; // 256 tokens; NULL: not in use
	uint8_t *names;
	uint32_t count;
	enum symbols mode;
};

static inline void encode(struct encoder *e, const char *symbol, uint64_t address)
{
	uint8_t coded[1024];
	uint32_t bytes = 0;
	int32_t offset;
	uint64_t word = SYM_OFFSETS + 4ULL * e->count;

	while (*symbol) {
		int best = -1;

		for (int t = 0; t < 256; t++)
			if (e->tokens[t] && strncmp(e->tokens[t], symbol, strlen(e->tokens[t])) == 0 &&
			    (best < 0 || strlen(e->tokens[t]) > strlen(e->tokens[best])))
				best = t;
		assert_true(best >= 0 && bytes < sizeof(coded));
		coded[bytes++] = (uint8_t)best;
		symbol += strlen(e->tokens[best]);
	}
	if (bytes > 127) {
		*e->names++ = 0x80 | (bytes & 0x7f);
		*e->names++ = (uint8_t)(bytes >> 7);
	} else {
		*e->names++ = (uint8_t)bytes;
	}
	memcpy(e->names, coded, bytes);
	e->names += bytes;

	if (e->mode == PLACE_RELATIVE)
		offset = (int32_t)(address - word);
	else if (e->mode == BASE_POSITIVE)
		offset = (int32_t)(address - TEXT);
	else if (address < LB_KERNEL_MAP)
		offset = (int32_t)address; // an absolute address
	else
		offset = (int32_t)(TEXT - 1 - address);
	memcpy(image_at(word), &offset, sizeof(offset));
	e->count++;
}

static inline void build_kallsyms(const struct machine *m)
{
	static char singles[256][2];
	static const char *tokens[256];
	struct encoder e = {.tokens = tokens, .names = image_at(NAMES), .mode = m->symbols};
	char long_name[300];
	char *text = image_at(TOKEN_TABLE);
	uint16_t offset = 0;

	for (int t = 0; t < 256; t++) {
		singles[t][0] = (char)t;
		tokens[t] = t > ' ' && t < 127 ? singles[t] : NULL;
	}
	tokens[0x01] = "Bcr"; // one token for the type letter and the beginning of the name
	tokens[0x80] = "crash_";
	tokens[0x81] = "__per_cpu";
	tokens[0x82] = "_offset";
	tokens[0xfe] = "notes";
	tokens[0xff] = "function_";
	for (int t = 0; t < 256; t++) {
		const char *token = tokens[t] ? tokens[t] : "";

		memcpy((uint8_t *)image_at(TOKEN_INDEX) + 2 * t, &offset, 2);
		strcpy(text + offset, token);
		offset += (uint16_t)(strlen(token) + 1);
	}
	memset(long_name, 'z', sizeof(long_name));
	long_name[0] = 'T';
	long_name[sizeof(long_name) - 1] = '\0';

	if (m->symbols == BASE_NEGATIVE)
		encode(&e, "Apercpu_function", PERCPU_SYMBOL);
	encode(&e, "A__per_cpu_offsett", TEXT);
	encode(&e, "T_text", TEXT);
	for (int i = 0; i < 2000; i++) {
		char name[40];

		snprintf(name, sizeof(name), "tfunction_%d", i * 977);
		encode(&e, name, TEXT + 16ULL * (unsigned int)i);
	}
	encode(&e, long_name, TEXT + 0x9000);
	encode(&e, "Dcrash_note", DATA);
	encode(&e, "D__per_cpu_offset", OFFSETS);
	encode(&e, "bcrash_motes", DATA);
	encode(&e, "dxcrash_notes", DATA);
	encode(&e, "Bcrash_notes", NOTES_PTR);
	encode(&e, "Bcrash_notes_size", DATA);
	encode(&e, "Delfcorehdr_addr", ELFCOREHDR);
	encode(&e, "Dsaved_command_line", COMMAND_LINE);
	memcpy(image_at(NUM_SYMS), &e.count, sizeof(e.count));
	put64(RELATIVE_BASE, TEXT);
}

// Writes a VMCOREINFO note at `phys`. Its text ends in the next page, and the last line crosses the border.
static inline void build_note(uint64_t phys, uint64_t kaslr, uint64_t phys_base, enum symbols symbols)
{
	char *text = (char *)ram + phys + LB_VMCOREINFO_TEXT;
	const uint32_t head[3] = {11, LB_VMCOREINFO_MAX, 0};
	size_t at = 0;
	int tail;
	char last[160];

	memcpy(ram + phys, head, sizeof(head));
	memcpy(ram + phys + sizeof(head), "VMCOREINFO\0", 12);
	at += (size_t)sprintf(text + at, "OSRELEASE=6.1.0-test\nPAGESIZE=4096\nSYMBOL(_stext)=%llx\n",
			      (unsigned long long)(TEXT - KASLR + kaslr));
	at += (size_t)sprintf(text + at, "NUMBER(phys_base)=%lld\nKERNELOFFSET=%llx\n", (long long)phys_base,
			      (unsigned long long)kaslr);
	if (symbols != NONE) {
		at += (size_t)sprintf(text + at, "SYMBOL(kallsyms_names)=%llx\n", NAMES);
		at += (size_t)sprintf(text + at, "SYMBOL(kallsyms_num_syms)=%llx\n", NUM_SYMS);
		at += (size_t)sprintf(text + at, "SYMBOL(kallsyms_token_table)=%llx\n", TOKEN_TABLE);
		at += (size_t)sprintf(text + at, "SYMBOL(kallsyms_token_index)=%llx\n", TOKEN_INDEX);
	}
	if (symbols == BASE_NEGATIVE || symbols == BASE_POSITIVE)
		at += (size_t)sprintf(text + at, "SYMBOL(kallsyms_relative_base)=%llx\n", RELATIVE_BASE);
	// The last line ends with the text, 24 bytes into the second page.
	tail = snprintf(last, sizeof(last), symbols == NONE ? "last=%llx" : "SYMBOL(kallsyms_offsets)=%llx",
			SYM_OFFSETS);
	memset(text + at, '#', LB_VMCOREINFO_MAX - at);
	text[LB_VMCOREINFO_MAX - (size_t)tail - 1] = '\n';
	memcpy(text + LB_VMCOREINFO_MAX - (size_t)tail, last, (size_t)tail);
}

// Address of CPU `cpu`'s unit, virtual and physical.
static inline uint64_t unit_virt(const struct machine *m, uint32_t cpu)
{
	return cpu == CPUS - 1 ? VMALLOC : m->page_offset + UNITS + cpu * UNIT_BYTES;
}

static inline uint8_t *unit_at(uint32_t cpu, uint64_t offset)
{
	uint64_t page = offset & ~(LB_PAGE - 1);

	if (cpu == CPUS - 1)
		page = UNIT_BYTES - LB_PAGE - page;
	return ram + UNITS + cpu * UNIT_BYTES + page + (offset & (LB_PAGE - 1));
}

// Writes CPU `cpu`'s registers into its note: rip is 0x1000 + cpu, pid is 100 + cpu.
static inline void build_cpu_note(uint32_t cpu)
{
	const uint32_t head[3] = {5, sizeof(struct lb_prstatus), 1};
	struct lb_prstatus status = {.pid = (int32_t)(100 + cpu), .regs = {.rip = 0x1000 + cpu, .gs = 7}};
	uint8_t *note = unit_at(cpu, NOTES_AT);

	memcpy(note, head, sizeof(head));
	memcpy(note + 12, "CORE\0\0\0", 8);
	memcpy(note + 20, &status, sizeof(status));
}

static inline void build_cpus(struct machine *m)
{
	uint64_t base = m->zero_based ? 0 : PERCPU_LOAD;

	for (unsigned int i = 0; i < 64; i++)
		put64(OFFSETS + 8 * i, m->zero_based ? PERCPU_LOAD : 0);
	for (uint32_t cpu = 0; cpu < m->cpus; cpu++) {
		uint64_t offset = unit_virt(m, cpu) - base;

		put64(OFFSETS + 8 * cpu, offset);
		memcpy(unit_at(cpu, SELF_AT), &offset, sizeof(offset));
		if (cpu != m->this_cpu)
			build_cpu_note(cpu);
	}
	m->gs_base = unit_virt(m, m->this_cpu) - base;
	put64(NOTES_PTR, base + NOTES_AT);
	put64(OFFSETS - 8, unit_virt(m, 0)); // pcpu_base_addr
	put64(DATA + 0x2008, m->gs_base); // initial_gs, among others
	put64(DATA + 0x2010, m->page_offset + UNITS);
}

// Gives efi_mm its own copies of the tables for the last 512 GiB, down to the PUDs. EFI's runtime regions lie
// in this range too.
static inline void copy_efi_tables(struct machine *m)
{
	uint64_t table = m->root;

	for (int level = m->la57 ? 5 : 4; level > 3; level--) {
		uint64_t copy = take_table(m);

		memcpy(words(copy), words(words(table)[511] & X86_PTE_ADDR), LB_PAGE);
		words(table)[511] = copy | P | W;
		table = copy;
	}
}

static inline struct machine build(struct machine wanted)
{
	struct machine m = wanted;

	memset(ram, 0, RAM_BYTES);
	pages_read = 0;
	ram_hole = 0;
	m.next_table = TABLES;
	m.root = take_table(&m);
	m.page_offset = m.la57 ? 0xff2f1a8040000000ULL : 0xffff9a8040000000ULL;

	for (uint64_t at = 0; at < 2 * LB_MIB; at += LB_PAGE)
		map(&m, m.page_offset + at, at, LB_PAGE, W | NX);
	for (uint64_t at = 2 * LB_MIB; at < RAM_BYTES; at += 2 * LB_MIB)
		map(&m, m.page_offset + at, at, 2 * LB_MIB, W | NX);
	map(&m, TEXT, IMAGE, 2 * LB_MIB, 0);
	for (uint64_t at = DATA_OFFSET; at < IMAGE_BYTES; at += LB_PAGE)
		map(&m, TEXT + at, IMAGE + at, LB_PAGE, W | NX);
	map(&m, 0xffffffffc0000000ULL, 0x2000, LB_PAGE, W); // a module's page
	for (uint64_t at = 0; at < UNIT_BYTES; at += LB_PAGE)
		map(&m, VMALLOC + at, UNITS + CPUS * UNIT_BYTES - LB_PAGE - at, LB_PAGE, W | NX);
	memcpy(image_at(SWAPPER), words(m.root), LB_PAGE);
	put64(EARLY_TOP + 511 * 8, words(m.root)[511]);
	memcpy(image_at(DYING_PGD), words(m.root), LB_PAGE);
	put64(DATA + 0x7008, SWAPPER); // init_mm.pgd
	put64(DATA + 0x7010, m.page_offset + IMAGE + (DYING_PGD - TEXT));
	words(m.root)[3] = 0x5000 | P | W; // EFI's lower half, which swapper_pg_dir does not have
	copy_efi_tables(&m);

	// Pointers to nowhere, and one to text, where nothing is searched.
	put64(DATA + 0x8000, m.page_offset + RAM_BYTES);
	put64(DATA + 0x8008, m.page_offset + (1ULL << PHYS_BITS));
	put64(DATA + 0x8010, m.page_offset + NOTE + 8);
	put64(TEXT + 0x100, m.page_offset + OLD_NOTE);
	if (m.has_note) {
		build_note(NOTE, KASLR, IMAGE - (TEXT - LB_KERNEL_MAP), m.symbols);
		put64(NOTE_PTR, m.page_offset + NOTE);
	}
	put64(ELFCOREHDR, UINT64_MAX); // there was no elfcorehdr=
	if (m.symbols != NONE)
		build_kallsyms(&m);
	build_cpus(&m);
	return m;
}

static char note_text[LB_VMCOREINFO_MAX]; // the text that the last read_kernel() found

static inline struct lb_deadkernel read_kernel_of_width(const struct machine *m, unsigned int phys_bits)
{
	const struct lb_deadspace space = {
		.mem = &mem, .cr3 = m->root, .la57 = m->la57, .phys_bits = phys_bits};
	struct lb_deadkernel dead;

	memset(&dead, 0xee, sizeof(dead));
	memset(note_text, 0xee, sizeof(note_text));
	pages_read = 0;
	lb_deadkernel_read(&space, m->gs_base, note_text, &dead);
	assert_true(pages_read <= LB_DEADMEM_PAGES);
	return dead;
}

static inline struct lb_deadkernel read_kernel(const struct machine *m)
{
	return read_kernel_of_width(m, PHYS_BITS);
}

static inline void assert_tables(const struct machine *m, const struct lb_deadkernel *dead)
{
	assert_false(dead->encrypted);
	assert_true(dead->has_text);
	assert_int_equal(dead->text_virt, TEXT);
	assert_int_equal(dead->text_phys, IMAGE);
	assert_int_equal(dead->image_bytes, IMAGE_BYTES);
	assert_int_equal(dead->kaslr_offset, KASLR);
	assert_int_equal(dead->phys_base, IMAGE - (TEXT - LB_KERNEL_MAP));
	assert_true(dead->has_page_offset);
	assert_int_equal(dead->page_offset, m->page_offset);
}

static inline void assert_note(const struct lb_deadkernel *dead)
{
	assert_true(dead->has_vmcoreinfo);
	assert_int_equal(dead->vmcoreinfo_phys, NOTE);
	assert_int_equal(dead->space.vmcoreinfo.bytes, LB_VMCOREINFO_MAX);
}

// Expects notes of all CPUs except the one that panicked.
static inline void assert_cpus(const struct machine *m, const struct lb_deadkernel *dead)
{
	struct lb_user_regs regs;
	int32_t pid;

	assert_true(dead->has_cpus);
	assert_int_equal(dead->this_cpu, m->this_cpu);
	assert_int_equal(dead->cpu_count, m->cpus);
	assert_int_equal(dead->per_cpu_offset, OFFSETS);
	assert_int_equal(dead->crash_notes, NOTES_AT + (m->zero_based ? 0 : PERCPU_LOAD));
	for (uint32_t cpu = 0; cpu < m->cpus; cpu++) {
		bool left = lb_deadkernel_cpu_regs(dead, cpu, &regs, &pid);

		assert_int_equal(left, cpu != m->this_cpu);
		if (left) {
			assert_int_equal(pid, 100 + cpu);
			assert_int_equal(regs.rip, 0x1000 + cpu);
			assert_int_equal(regs.gs, 7);
		}
	}
	assert_false(lb_deadkernel_cpu_regs(dead, m->cpus, &regs, &pid));
	assert_false(lb_deadkernel_cpu_regs(dead, UINT32_MAX, &regs, &pid));
}

static const struct machine usual = {
	.symbols = BASE_NEGATIVE, .zero_based = true, .has_note = true, .cpus = CPUS, .this_cpu = 1};

static inline int take_ram(void **state)
{
	(void)state;
	ram = malloc(RAM_BYTES);
	return ram ? 0 : -1;
}

static inline int free_ram(void **state)
{
	(void)state;
	free(ram);
	return 0;
}

#endif
