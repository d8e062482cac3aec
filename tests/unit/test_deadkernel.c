// SPDX-License-Identifier: BSD-2-Clause
// Reading a dead kernel: synthetic RAM made here, with page tables, a kernel image,
// VMCOREINFO, kallsyms and per-CPU units, whole, odd and hostile; and a real RAM
// image when LIFEBOAT_RAM_IMAGE names one (real_image() says what must lie beside).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/dead/deadkernel.h"
#include "crash/dead/deadmem.h"
#include "crash/dead/kallsyms.h"
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

// The machine: 16 MiB of RAM from physical 0, and where things lie in it.
#define RAM_BYTES (16 * LB_MIB)
#define TABLES 0x100000ULL // page tables, taken upward
#define IMAGE 0x400000ULL // 2 MiB of text, 1 MiB unmapped (freed init), 1 MiB of data
#define DATA_OFFSET 0x300000ULL
#define IMAGE_BYTES 0x400000ULL
#define NOTE 0xa00000ULL // VMCOREINFO, two pages
#define OLD_NOTE 0xa10000ULL // one of an older boot
#define UNITS 0xb00000ULL // 64 KiB for each CPU
#define UNIT_BYTES 0x10000ULL
#define NOTES_AT 0x6400ULL // crash_notes, from a unit's beginning
#define SELF_AT 0x1238ULL // this_cpu_off
#define CPUS 4U

#define KASLR 0x12400000ULL
#define TEXT (0xffffffff81000000ULL + KASLR)
#define DATA (TEXT + DATA_OFFSET)
#define VMALLOC 0xffffc90000000000ULL // the last CPU's unit lies here, its pages upside down

// In the image's data.
#define SWAPPER (DATA + 0x1000)
#define EARLY_TOP (DATA + 0x6000)
#define DYING_PGD (DATA) // of a process, in a page the image gave back, before swapper_pg_dir
#define OFFSETS (DATA + 0x3040) // __per_cpu_offset[]
#define NOTES_PTR (DATA + 0x5018) // crash_notes
#define NOTE_PTR (DATA + 0x9990) // vmcoreinfo_note
#define PERCPU_LOAD (DATA + 0xe0000) // __per_cpu_load, __per_cpu_start since 6.15
#define NUM_SYMS (DATA + 0x10000)
#define RELATIVE_BASE (DATA + 0x10008)
#define NAMES (DATA + 0x10ff0)
#define TOKEN_TABLE (DATA + 0x40000)
#define TOKEN_INDEX (DATA + 0x41ff0)
#define SYM_OFFSETS (DATA + 0x43000)

enum symbols {
	NONE, // before 6.0: no kallsyms in VMCOREINFO
	BASE_NEGATIVE, // kallsyms_relative_base, complements
	BASE_POSITIVE, // kallsyms_relative_base, plain offsets
	PLACE_RELATIVE, // 7.x: no kallsyms_relative_base
};

struct machine {
	bool la57;
	enum symbols symbols;
	bool zero_based; // per-CPU addresses begin at 0
	bool has_note;
	uint32_t cpus;
	uint32_t this_cpu;
	// Made by build().
	uint64_t root, next_table;
	uint64_t page_offset;
	uint64_t gs_base;
};

static uint8_t *ram;
static uint8_t window[LB_PAGE] __attribute__((aligned(4096)));
static uint64_t pages_read;

// One window: what it showed before is gone with the next call.
static const void *window_page(void *ctx, uint64_t phys)
{
	(void)ctx;
	pages_read++;
	assert_true(lb_aligned(phys, LB_PAGE));
	if (phys >= RAM_BYTES)
		return NULL;
	memcpy(window, ram + phys, LB_PAGE);
	return window;
}

static const struct lb_physmem mem = {.page = window_page};

static uint64_t *words(uint64_t phys)
{
	assert_true(phys + LB_PAGE <= RAM_BYTES);
	return (uint64_t *)(void *)(ram + phys);
}

// Where an address of the image lies in `ram`.
static void *image_at(uint64_t virt)
{
	return ram + IMAGE + (virt - TEXT);
}

static void put64(uint64_t virt, uint64_t value)
{
	memcpy(image_at(virt), &value, sizeof(value));
}

static uint64_t take_table(struct machine *m)
{
	uint64_t table = m->next_table;

	m->next_table += LB_PAGE;
	assert_true(m->next_table <= IMAGE);
	return table;
}

// The entry for the page of `size` bytes, 4 KiB or 2 MiB, at `virt`.
static uint64_t *entry_of(struct machine *m, uint64_t virt, uint64_t size)
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

static void map(struct machine *m, uint64_t virt, uint64_t phys, uint64_t size, uint64_t flags)
{
	*entry_of(m, virt, size) = phys | P | flags | (size == LB_PAGE ? 0 : PS);
}

// Appends one symbol of type and name `symbol` to the tables; greedy over `tokens`.
struct encoder {
	const char *const *tokens; // 256; NULL: unused
	uint8_t *names;
	uint32_t count;
	enum symbols mode;
};

static void encode(struct encoder *e, const char *symbol, uint64_t address)
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
	else
		offset = (int32_t)(TEXT - 1 - address);
	memcpy(image_at(word), &offset, sizeof(offset));
	e->count++;
}

static void build_kallsyms(const struct machine *m)
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
	tokens[0x01] = "Bcr"; // the type letter and the name's beginning in one
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
	memcpy(image_at(NUM_SYMS), &e.count, sizeof(e.count));
	put64(RELATIVE_BASE, TEXT);
}

// A VMCOREINFO note at `phys`, its text long enough to end in the next page, and the
// last of its lines across the boundary.
static void build_note(uint64_t phys, uint64_t kaslr, uint64_t phys_base, enum symbols symbols)
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
	// The last line ends at the text's last byte, 24 bytes into the second page.
	tail = snprintf(last, sizeof(last), symbols == NONE ? "last=%llx" : "SYMBOL(kallsyms_offsets)=%llx",
			SYM_OFFSETS);
	memset(text + at, '#', LB_VMCOREINFO_MAX - at);
	text[LB_VMCOREINFO_MAX - (size_t)tail - 1] = '\n';
	memcpy(text + LB_VMCOREINFO_MAX - (size_t)tail, last, (size_t)tail);
}

// Virtual and physical address of CPU `cpu`'s unit.
static uint64_t unit_virt(const struct machine *m, uint32_t cpu)
{
	return cpu == CPUS - 1 ? VMALLOC : m->page_offset + UNITS + cpu * UNIT_BYTES;
}

static uint8_t *unit_at(uint32_t cpu, uint64_t offset)
{
	uint64_t page = offset & ~(LB_PAGE - 1);

	if (cpu == CPUS - 1)
		page = UNIT_BYTES - LB_PAGE - page;
	return ram + UNITS + cpu * UNIT_BYTES + page + (offset & (LB_PAGE - 1));
}

// CPU `cpu`'s registers in its note: rip 0x1000 + cpu, pid 100 + cpu.
static void build_cpu_note(uint32_t cpu)
{
	const uint32_t head[3] = {5, sizeof(struct lb_prstatus), 1};
	struct lb_prstatus status = {.pid = (int32_t)(100 + cpu), .regs = {.rip = 0x1000 + cpu, .gs = 7}};
	uint8_t *note = unit_at(cpu, NOTES_AT);

	memcpy(note, head, sizeof(head));
	memcpy(note + 12, "CORE\0\0\0", 8);
	memcpy(note + 20, &status, sizeof(status));
}

static void build_cpus(struct machine *m)
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
	put64(DATA + 0x2008, m->gs_base); // initial_gs, among other things
	put64(DATA + 0x2010, m->page_offset + UNITS);
}

// efi_mm has copies of its own of the tables that hold the last 512 GiB's entries,
// down to the PUDs: EFI's runtime regions lie there too.
static void copy_efi_tables(struct machine *m)
{
	uint64_t table = m->root;

	for (int level = m->la57 ? 5 : 4; level > 3; level--) {
		uint64_t copy = take_table(m);

		memcpy(words(copy), words(words(table)[511] & X86_PTE_ADDR), LB_PAGE);
		words(table)[511] = copy | P | W;
		table = copy;
	}
}

static struct machine build(struct machine wanted)
{
	struct machine m = wanted;

	memset(ram, 0, RAM_BYTES);
	pages_read = 0;
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
	map(&m, 0xffffffffc0000000ULL, 0x2000, LB_PAGE, W); // a module
	for (uint64_t at = 0; at < UNIT_BYTES; at += LB_PAGE)
		map(&m, VMALLOC + at, UNITS + CPUS * UNIT_BYTES - LB_PAGE - at, LB_PAGE, W | NX);
	memcpy(image_at(SWAPPER), words(m.root), LB_PAGE);
	put64(EARLY_TOP + 511 * 8, words(m.root)[511]);
	memcpy(image_at(DYING_PGD), words(m.root), LB_PAGE);
	put64(DATA + 0x7008, SWAPPER); // init_mm.pgd
	put64(DATA + 0x7010, m.page_offset + IMAGE + (DYING_PGD - TEXT));
	words(m.root)[3] = 0x5000 | P | W; // EFI's lower half, which swapper_pg_dir has not
	copy_efi_tables(&m);

	// Pointers that lead nowhere, and the text itself, where nothing is looked for.
	put64(DATA + 0x8000, m.page_offset + RAM_BYTES);
	put64(DATA + 0x8008, m.page_offset + (1ULL << PHYS_BITS));
	put64(DATA + 0x8010, m.page_offset + NOTE + 8);
	put64(TEXT + 0x100, m.page_offset + OLD_NOTE);
	if (m.has_note) {
		build_note(NOTE, KASLR, IMAGE - (TEXT - LB_KERNEL_MAP), m.symbols);
		put64(NOTE_PTR, m.page_offset + NOTE);
	}
	if (m.symbols != NONE)
		build_kallsyms(&m);
	build_cpus(&m);
	return m;
}

static char note_text[LB_VMCOREINFO_MAX]; // what the last read_kernel() found

static struct lb_deadkernel read_kernel(const struct machine *m)
{
	const struct lb_deadspace space = {
		.mem = &mem, .cr3 = m->root, .la57 = m->la57, .phys_bits = PHYS_BITS};
	struct lb_deadkernel dead;

	memset(&dead, 0xee, sizeof(dead));
	memset(note_text, 0xee, sizeof(note_text));
	pages_read = 0;
	lb_deadkernel_read(&space, m->gs_base, note_text, &dead);
	assert_true(pages_read <= LB_DEADMEM_PAGES);
	return dead;
}

static void assert_tables(const struct machine *m, const struct lb_deadkernel *dead)
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

static void assert_note(const struct lb_deadkernel *dead)
{
	assert_true(dead->has_vmcoreinfo);
	assert_int_equal(dead->vmcoreinfo_phys, NOTE);
	assert_int_equal(dead->space.vmcoreinfo.bytes, LB_VMCOREINFO_MAX);
}

// Every CPU but the panicking one left a note.
static void assert_cpus(const struct machine *m, const struct lb_deadkernel *dead)
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

static void finds_everything(void **state)
{
	(void)state;
	for (int la57 = 0; la57 < 2; la57++) {
		for (enum symbols symbols = BASE_NEGATIVE; symbols <= PLACE_RELATIVE; symbols++) {
			for (uint32_t cpu = 0; cpu < 2 * CPUS; cpu++) {
				struct machine m = usual;
				struct lb_deadkernel dead;

				m.la57 = la57;
				m.symbols = symbols;
				m.this_cpu = cpu % CPUS;
				m.zero_based = cpu < CPUS;
				m = build(m);
				dead = read_kernel(&m);
				assert_tables(&m, &dead);
				assert_note(&dead);
				assert_int_equal(dead.vmcoreinfo_candidates, 1);
				assert_cpus(&m, &dead);
			}
		}
	}
}

static void finds_cpus_by_pattern(void **state)
{
	(void)state;
	for (uint32_t variant = 0; variant < 4 * CPUS; variant++) {
		struct machine m = usual;
		struct lb_deadkernel dead;

		m.la57 = variant / CPUS & 1;
		m.zero_based = variant / CPUS & 2;
		m.symbols = NONE;
		m.this_cpu = variant % CPUS;
		m = build(m);
		dead = read_kernel(&m);
		assert_note(&dead);
		assert_cpus(&m, &dead);
	}
}

// What looks like a note in one CPU's unit but not in all of them is none.
static void pattern_wants_all_cpus_to_agree(void **state)
{
	struct machine m = usual;
	struct lb_deadkernel dead;

	(void)state;
	m.symbols = NONE;
	m = build(m);
	memcpy(unit_at(0, 0x3000), unit_at(0, NOTES_AT), 368);
	memset(unit_at(2, 0x3000), 0x55, 368);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);

	// Two CPUs agree on the stray one, three on the true one.
	memcpy(unit_at(2, 0x3000), unit_at(0, NOTES_AT), 368);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);
}

static void one_cpu(void **state)
{
	(void)state;
	for (enum symbols symbols = NONE; symbols <= PLACE_RELATIVE; symbols++) {
		struct machine m = usual;
		struct lb_deadkernel dead;
		struct lb_user_regs regs;
		int32_t pid;

		m.symbols = symbols;
		m.cpus = 1;
		m.this_cpu = 0;
		m = build(m);
		dead = read_kernel(&m);
		assert_note(&dead);
		assert_true(dead.has_cpus);
		assert_int_equal(dead.cpu_count, 1);
		assert_int_equal(dead.this_cpu, 0);
		assert_int_equal(dead.per_cpu_offset, OFFSETS);
		assert_int_equal(dead.crash_notes, symbols == NONE ? 0 : NOTES_AT);
		assert_false(lb_deadkernel_cpu_regs(&dead, 0, &regs, &pid));
	}
}

// A GS base that no CPU has: nothing is said about CPUs.
static void foreign_gs_base(void **state)
{
	(void)state;
	for (enum symbols symbols = NONE; symbols <= PLACE_RELATIVE; symbols++) {
		struct machine m = usual;
		struct lb_deadkernel dead;

		m.symbols = symbols;
		m = build(m);
		m.gs_base += LB_PAGE;
		dead = read_kernel(&m);
		assert_note(&dead);
		assert_false(dead.has_cpus);
		assert_int_equal(dead.crash_notes, 0);
		m.gs_base = 0;
		dead = read_kernel(&m);
		assert_false(dead.has_cpus);
	}
}

static void early_panic_is_synthesised(void **state)
{
	static const char *const expected[] = {
		"OSRELEASE=6.1.0-9-amd64\nPAGESIZE=4096\nKERNELOFFSET=12400000\nNUMBER(phys_base)=-"
		"318767104\n"
		"SYMBOL(swapper_pg_dir)=ffffffff93701000\nNUMBER(pgtable_l5_enabled)=0\n",
		"OSRELEASE=6.1.0-9-amd64\nPAGESIZE=4096\nKERNELOFFSET=12400000\nNUMBER(phys_base)=-"
		"318767104\n"
		"SYMBOL(swapper_pg_dir)=ffffffff93701000\nNUMBER(pgtable_l5_enabled)=1\n",
	};

	(void)state;
	for (int la57 = 0; la57 < 2; la57++) {
		struct machine m = usual;
		struct lb_deadkernel dead;
		char text[LB_VMCOREINFO_MAX];
		uint32_t bytes;

		m.la57 = la57;
		m.has_note = false;
		m.symbols = NONE;
		m = build(m);
		dead = read_kernel(&m);
		assert_tables(&m, &dead);
		assert_false(dead.has_vmcoreinfo);
		assert_int_equal(dead.swapper_pg_dir, SWAPPER);
		assert_true(dead.has_cpus);
		bytes = lb_deadkernel_synthesise(&dead, "6.1.0-9-amd64 (builder@host) #1 SMP", text);
		assert_int_equal(bytes, strlen(expected[la57]));
		assert_memory_equal(text, expected[la57], bytes);
	}
}

static void put_build_id(uint64_t virt, uint8_t first)
{
	static const uint32_t header[] = {4, LB_BUILD_ID_BYTES, 3, 0x00554e47};
	uint8_t *at = (uint8_t *)image_at(virt);

	memcpy(at, header, sizeof(header));
	for (uint8_t i = 0; i < LB_BUILD_ID_BYTES; i++)
		at[sizeof(header) + i] = (uint8_t)(first + i);
}

// The kernel's own, not a vDSO's; across a page's end; none when two could be it.
static void build_id_is_found(void **state)
{
	static const uint64_t places[] = {DATA + 0x20020, DATA + 0x20ff4};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct machine m = usual;
		struct lb_deadkernel dead;
		char text[LB_VMCOREINFO_MAX];
		uint32_t bytes;

		m.has_note = false;
		m.symbols = NONE;
		m = build(m);
		memcpy(image_at(DATA + 0x30000),
		       "\x7f"
		       "ELF",
		       4);
		put_build_id(DATA + 0x30544, 0x80);
		dead = read_kernel(&m);
		assert_false(dead.has_build_id);

		put_build_id(places[i], 0x01);
		dead = read_kernel(&m);
		assert_true(dead.has_build_id);
		bytes = lb_deadkernel_synthesise(&dead, "6.1.0", text);
		assert_true(bytes < sizeof(text));
		text[bytes] = '\0';
		assert_non_null(strstr(text, "\nBUILD-ID=0102030405060708090a0b0c0d0e0f1011121314\n"));

		put_build_id(DATA + 0x38000, 0x40);
		dead = read_kernel(&m);
		assert_false(dead.has_build_id);
	}
}

// Nothing but the release, which has no end within its 64 bytes.
static void nothing_known_is_synthesised(void **state)
{
	const struct lb_deadkernel dead = {.space.la57 = true};
	char release[64], text[LB_VMCOREINFO_MAX];
	uint32_t bytes;

	(void)state;
	memset(release, '6', sizeof(release));
	bytes = lb_deadkernel_synthesise(&dead, release, text);
	assert_int_equal(bytes, strlen("OSRELEASE=\nPAGESIZE=4096\nNUMBER(pgtable_l5_enabled)=1\n") + 64);
	assert_memory_equal(text + 10, release, sizeof(release));
}

static void note_is_copied_whole(void **state)
{
	struct machine m = build(usual);
	struct lb_deadkernel dead = read_kernel(&m);

	(void)state;
	assert_note(&dead);
	assert_ptr_equal(dead.space.vmcoreinfo.text, note_text);
	assert_memory_equal(note_text, ram + NOTE + LB_VMCOREINFO_TEXT, sizeof(note_text));
}

// Replaces the 2 MiB page of the direct map around `phys` by 4 KiB pages.
static void split_direct_map(struct machine *m, uint64_t phys)
{
	uint64_t start = lb_align_down(phys, 2 * LB_MIB);

	*entry_of(m, m->page_offset + start, 2 * LB_MIB) = 0;
	for (uint64_t at = 0; at < 2 * LB_MIB; at += LB_PAGE)
		map(m, m->page_offset + start + at, start + at, LB_PAGE, W | NX);
}

// Notes of other kernels, pointed at by the image before its own: each differs in one thing.
static void decoys_are_passed_over(void **state)
{
	const uint64_t phys_base = IMAGE - (TEXT - LB_KERNEL_MAP);
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	for (int decoy = 0; decoy < 6; decoy++) {
		m = build(usual);
		build_note(OLD_NOTE, KASLR, phys_base, NONE);
		put64(DATA + 0x4000, m.page_offset + OLD_NOTE);
		switch (decoy) {
		case 0: // another boot: text elsewhere
			build_note(OLD_NOTE, KASLR + 0x8000000, phys_base, NONE);
			break;
		case 1: // the same virtual slot, another physical one
			build_note(OLD_NOTE, KASLR, phys_base + 0x200000, NONE);
			break;
		case 2: // no phys_base
			memcpy(strstr((char *)ram + OLD_NOTE + 24, "NUMBER(phys"), "nonono", 6);
			break;
		case 3: // no number
			memcpy(strstr((char *)ram + OLD_NOTE + 24, "KERNELOFFSET=") + 13, "-", 1);
			break;
		case 4: // too many digits
			memcpy(strstr((char *)ram + OLD_NOTE + 24, "_stext)=") + 8, "11111111111111111111",
			       20);
			break;
		case 5: // the text ends before its keys
			ram[OLD_NOTE + 4] = 30;
			ram[OLD_NOTE + 5] = 0;
			break;
		}
		dead = read_kernel(&m);
		assert_note(&dead);
		assert_int_equal(dead.vmcoreinfo_candidates, 2);
	}
	// The right text, but the page tables take the pointer elsewhere.
	m = build(usual);
	memcpy(ram + OLD_NOTE, ram + NOTE, 2 * LB_PAGE);
	put64(DATA + 0x4000, m.page_offset + OLD_NOTE);
	split_direct_map(&m, OLD_NOTE);
	map(&m, m.page_offset + OLD_NOTE, 0x3000, LB_PAGE, W | NX);
	dead = read_kernel(&m);
	assert_note(&dead);
	assert_int_equal(dead.vmcoreinfo_candidates, 2);
}

// Heads that are no VMCOREINFO's: not even candidates.
static void note_heads_are_checked(void **state)
{
	static const struct {
		unsigned int at;
		uint32_t word;
	} wrong[] = {{0, 10},         {0, 12}, {4, 0},  {4, 5},           {4, LB_VMCOREINFO_MAX + 1},
		     {4, UINT32_MAX}, {8, 1},  {12, 0}, {20, UINT32_MAX}, {24, 0},
		     {31, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct machine m = build(usual);
		struct lb_deadkernel dead;

		memcpy(ram + NOTE + wrong[i].at, &wrong[i].word, sizeof(wrong[i].word));
		dead = read_kernel(&m);
		assert_tables(&m, &dead);
		assert_false(dead.has_vmcoreinfo);
		assert_int_equal(dead.vmcoreinfo_candidates, 0);
	}
}

// A kernel linked elsewhere (CONFIG_PHYSICAL_START): its note knows better.
static void other_link_address(void **state)
{
	struct machine m = build(usual);
	struct lb_deadkernel dead;
	char *line = strstr((char *)ram + NOTE + LB_VMCOREINFO_TEXT, "KERNELOFFSET=");

	(void)state;
	memcpy(line, "KERNELOFFSET=11400000", 21);
	dead = read_kernel(&m);
	assert_true(dead.has_vmcoreinfo);
	assert_int_equal(dead.kaslr_offset, 0x11400000);
	memcpy(line, "KERNELOFFSET=11400001", 21);
	dead = read_kernel(&m);
	assert_false(dead.has_vmcoreinfo);
	assert_int_equal(dead.kaslr_offset, KASLR);
}

static void buffers_without_a_whole_note(void **state)
{
	static const struct {
		unsigned int at;
		uint32_t word;
	} wrong[] = {{0, 0},           {0, 6},  {4, 335}, {4, 340}, {8, 0},  {8, 2},
		     {12, 0x454b4146}, {16, 1}, {356, 5}, {360, 1}, {364, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct machine m = build(usual);
		struct lb_deadkernel dead = read_kernel(&m);
		struct lb_user_regs regs;
		int32_t pid = 4711;

		memset(&regs, 0xee, sizeof(regs));
		memcpy(unit_at(2, NOTES_AT) + wrong[i].at, &wrong[i].word, sizeof(wrong[i].word));
		assert_false(lb_deadkernel_cpu_regs(&dead, 2, &regs, &pid));
		assert_int_equal(pid, 4711);
		assert_int_equal(regs.r15, 0xeeeeeeeeeeeeeeeeULL);
		assert_true(lb_deadkernel_cpu_regs(&dead, 0, &regs, &pid));
	}
}

// PCID, LAM and write-through bits of CR3 are not part of the address.
static void cr3_has_other_bits(void **state)
{
	struct machine m = build(usual);
	struct lb_deadkernel dead;

	(void)state;
	m.root |= 0x6000000000000fffULL;
	dead = read_kernel(&m);
	assert_tables(&m, &dead);
	assert_note(&dead);
	assert_cpus(&m, &dead);
}

static void encryption_is_reported(void **state)
{
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	for (unsigned int bit = PHYS_BITS; bit < 52; bit++) {
		m = build(usual);
		m.root |= 1ULL << bit;
		dead = read_kernel(&m);
		assert_true(dead.encrypted);
		assert_false(dead.has_text || dead.has_page_offset || dead.has_vmcoreinfo || dead.has_cpus);
		assert_int_equal(pages_read, 0);

		m = build(usual);
		words(m.root)[511] |= 1ULL << bit;
		dead = read_kernel(&m);
		assert_true(dead.encrypted);
		assert_false(dead.has_text || dead.has_page_offset || dead.has_vmcoreinfo || dead.has_cpus);
	}
}

static void page_offset_must_fit_the_text(void **state)
{
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	// The LDT of page-table isolation, below the direct map, is not taken for it.
	m = build(usual);
	map(&m, 0xffff880000000000ULL, 0x3000, LB_PAGE, W);
	dead = read_kernel(&m);
	assert_tables(&m, &dead);

	// Something before the direct map that does not begin at a GiB, or is no direct map.
	m = build(usual);
	map(&m, 0xffff890000001000ULL, 0, LB_PAGE, W);
	dead = read_kernel(&m);
	assert_true(dead.has_text);
	assert_false(dead.has_page_offset || dead.has_vmcoreinfo);
	m = build(usual);
	map(&m, 0xffff890000000000ULL, 0, LB_PAGE, W);
	dead = read_kernel(&m);
	assert_false(dead.has_page_offset || dead.has_vmcoreinfo);

	// Physical 0 itself absent: what follows still tells.
	m = build(usual);
	words(m.root)[m.page_offset >> 39 & 511] = 0;
	for (uint64_t at = LB_PAGE; at < 2 * LB_MIB; at += LB_PAGE)
		map(&m, m.page_offset + at, at, LB_PAGE, W | NX);
	for (uint64_t at = 2 * LB_MIB; at < RAM_BYTES; at += 2 * LB_MIB)
		map(&m, m.page_offset + at, at, 2 * LB_MIB, W | NX);
	dead = read_kernel(&m);
	assert_tables(&m, &dead);
	assert_note(&dead);
}

static void text_must_be_ram(void **state)
{
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	m = build(usual);
	map(&m, TEXT, RAM_BYTES, 2 * LB_MIB, 0);
	dead = read_kernel(&m);
	assert_false(dead.has_text || dead.encrypted);

	m = build(usual);
	map(&m, TEXT - LB_PAGE, 0x5000, LB_PAGE, 0); // not 2 MiB aligned
	dead = read_kernel(&m);
	assert_false(dead.has_text);

	m = build(usual);
	m.root = RAM_BYTES;
	dead = read_kernel(&m);
	assert_false(dead.has_text || dead.has_page_offset || dead.has_cpus);
}

// Tables and counts that lie. Whatever is found, it ends, and within the budget.
static void hostile_kallsyms(void **state)
{
	const uint32_t huge = UINT32_MAX, many = 1U << 22;
	struct lb_deadkernel dead;
	struct machine m;

	(void)state;
	m = build(usual);
	memcpy(image_at(NUM_SYMS), &huge, sizeof(huge));
	dead = read_kernel(&m);
	assert_note(&dead);
	assert_cpus(&m, &dead); // by pattern

	// Names that go on to the end of the image.
	m = build(usual);
	memcpy(image_at(NUM_SYMS), &many, sizeof(many));
	memset(image_at(NAMES), 0, TEXT + IMAGE_BYTES - NAMES);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);
	m = build(usual);
	memcpy(image_at(NUM_SYMS), &many, sizeof(many));
	memset(image_at(NAMES), 0xff, TEXT + IMAGE_BYTES - NAMES);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);

	// Tokens without end, and tokens outside of anything.
	m = build(usual);
	memset(image_at(TOKEN_TABLE), 'c', 0x1000);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);
	m = build(usual);
	memset(image_at(TOKEN_INDEX), 0xff, 512);
	memset(image_at(TOKEN_TABLE + 0xffff), 0, 1);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);

	// Symbols outside the image.
	m = build(usual);
	put64(RELATIVE_BASE, 0x1000);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);
}

// One table that is its own child at every level.
static void hostile_tables(void **state)
{
	(void)state;
	for (int la57 = 0; la57 < 2; la57++) {
		struct machine m = usual;
		struct lb_deadkernel dead;

		m.la57 = la57;
		m = build(m);
		for (unsigned int i = 0; i < 512; i++)
			words(m.root)[i] = m.root | P | W;
		dead = read_kernel(&m);
		assert_false(dead.has_vmcoreinfo);

		// Every table present, every page absent: 2^36 entries to step over.
		m = build(m);
		for (unsigned int i = 0; i < 512; i++) {
			words(m.root)[i] = 0x200000 | P | W;
			words(0x200000)[i] = 0x201000 | P | W;
			words(0x201000)[i] = 0x202000 | P | W;
			words(0x202000)[i] = la57 ? 0x203000 | P | W : 0;
			words(0x203000)[i] = 0;
		}
		dead = read_kernel(&m);
		assert_false(dead.has_text);

		// A 1 GiB image of nothing but pointers to what begins like a note.
		m = build(m);
		for (uint64_t at = 0; at < LB_GIB - KASLR - 16 * LB_MIB; at += 2 * LB_MIB)
			map(&m, TEXT + at, IMAGE, 2 * LB_MIB, W);
		dead = read_kernel(&m);
		assert_int_equal(dead.image_bytes, 2 * LB_MIB);
		for (uint64_t at = IMAGE; at < IMAGE + 0x400000; at += 8)
			*(uint64_t *)(void *)(ram + at) = m.page_offset + (at & 8 ? NOTE : OLD_NOTE);
		memset(ram + NOTE + LB_VMCOREINFO_TEXT + 10, '=', 2 * LB_PAGE - 34);
		memcpy(ram + OLD_NOTE, ram + NOTE, 2 * LB_PAGE);
		dead = read_kernel(&m);
		assert_true(dead.vmcoreinfo_candidates > 1000);
		assert_false(dead.has_vmcoreinfo);
	}
}

// Words of random garbage in tables, image, note and units: no fault, no endless loop,
// and nothing is said that contradicts itself.
static void garbage(void **state)
{
	uint64_t random = 88172645463325252ULL;

	(void)state;
	for (int round = 0; round < 100; round++) {
		static const struct lb_range areas[] = {{TABLES, TABLES + 0x10000},
							{IMAGE + DATA_OFFSET, IMAGE + IMAGE_BYTES},
							{NOTE, NOTE + 2 * LB_PAGE},
							{UNITS, UNITS + CPUS * UNIT_BYTES}};
		struct machine m = usual;
		struct lb_deadkernel dead;
		char text[LB_VMCOREINFO_MAX];

		m.la57 = round & 1;
		m.symbols = round / 2 % 4;
		m = build(m);
		for (int i = 0; i < 4 << round % 8; i++) {
			struct lb_range area = areas[(round / 8 + i) % 4];
			uint64_t at, value;

			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			at = area.start + random % lb_range_size(area);
			value = random >> 32 & 1 ? random : TABLES + (random >> 40 & 0xffff);
			memcpy(ram + lb_align_down(at, 8), &value, sizeof(value));
		}
		dead = read_kernel(&m);
		assert_true(lb_deadkernel_synthesise(&dead, "6.1", text) <= sizeof(text));
		assert_true(!dead.has_text || dead.image_bytes <= LB_GIB);
		assert_true(!dead.has_vmcoreinfo || dead.vmcoreinfo_candidates > 0);
		assert_true(!dead.has_cpus || dead.this_cpu < dead.cpu_count);
		for (uint32_t cpu = 0; cpu <= CPUS; cpu++) {
			struct lb_user_regs regs;
			int32_t pid;

			if (lb_deadkernel_cpu_regs(&dead, cpu, &regs, &pid))
				assert_true(dead.has_cpus && cpu < dead.cpu_count);
		}
	}
}

// A value out of IMAGE.regs; false when there is no such line.
static bool sidecar(const char *image, const char *key, uint64_t *ret_value)
{
	char path[512], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s.regs", image);
	file = fopen(path, "r");
	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == '=') {
			*ret_value = strtoull(line + strlen(key) + 1, NULL, 0);
			found = true;
		}
	}
	fclose(file);
	return found;
}

// The same where it must be.
static uint64_t wanted(const char *image, const char *key)
{
	uint64_t value = 0;

	assert_true(sidecar(image, key, &value));
	return value;
}

struct image {
	FILE *file;
	uint64_t hidden; // a page that is taken for no RAM; 1: none
};

static const void *image_page(void *ctx, uint64_t phys)
{
	const struct image *image = ctx;

	pages_read++;
	if (phys == image->hidden || fseeko(image->file, (off_t)phys, SEEK_SET) != 0)
		return NULL;
	return fread(window, LB_PAGE, 1, image->file) == 1 ? window : NULL;
}

static void expect(const char *path, const char *key, uint64_t found)
{
	uint64_t value;

	if (sidecar(path, key, &value)) {
		printf("  %-24s %#llx\n", key, (unsigned long long)found);
		assert_int_equal(found, value);
	}
}

// What was found without VMCOREINFO is what VMCOREINFO says.
static void assert_build_id(const struct lb_deadkernel *dead, const struct lb_deadkernel *early)
{
	char found[2 * LB_BUILD_ID_BYTES + 1] = "", wanted_id[2 * LB_BUILD_ID_BYTES + 1];

	lb_vmcoreinfo_text(&dead->space.vmcoreinfo, "BUILD-ID=", found, sizeof(found));
	for (unsigned int i = 0; i < LB_BUILD_ID_BYTES; i++)
		snprintf(wanted_id + 2 * i, 3, "%02x", early->build_id[i]);
	assert_string_equal(found, wanted_id);
}

// LIFEBOAT_RAM_IMAGE: a flat file of guest memory from physical 0 on, and beside it
// IMAGE.regs with lines KEY=NUMBER: cr3, la57, gs_base, phys_bits, cpu (the panicking
// one), cpus, and as many as are known of expect_kerneloffset, expect_phys_base,
// expect_page_offset, expect_text, expect_vmcoreinfo, expect_vmcoreinfo_bytes,
// expect_per_cpu_offset, expect_crash_notes, expect_swapper. All CPUs but the
// panicking one must have left a note.
static void real_image(void **state)
{
	const char *path = getenv("LIFEBOAT_RAM_IMAGE");
	struct image image = {.hidden = 1};
	const struct lb_physmem real = {.page = image_page, .ctx = &image};
	struct lb_deadspace space = {.mem = &real};
	char early_text[LB_VMCOREINFO_MAX];
	struct lb_deadkernel dead, early;
	uint64_t gs_base, cpu, cpus;

	(void)state;
	if (!path) {
		printf("skipped: LIFEBOAT_RAM_IMAGE names no RAM image\n");
		skip();
	}
	image.file = fopen(path, "rb");
	assert_non_null(image.file);
	space.cr3 = wanted(path, "cr3");
	space.la57 = wanted(path, "la57");
	gs_base = wanted(path, "gs_base");
	space.phys_bits = (unsigned int)wanted(path, "phys_bits");
	cpu = wanted(path, "cpu");
	cpus = wanted(path, "cpus");
	pages_read = 0;
	lb_deadkernel_read(&space, gs_base, note_text, &dead);
	printf("  %llu pages read, image of %llu KiB, %llu notes looked at\n", (unsigned long long)pages_read,
	       (unsigned long long)(dead.image_bytes / LB_KIB),
	       (unsigned long long)dead.vmcoreinfo_candidates);
	assert_true(dead.has_text && dead.has_page_offset && dead.has_vmcoreinfo && dead.has_cpus);
	expect(path, "expect_text", dead.text_virt);
	expect(path, "expect_kerneloffset", dead.kaslr_offset);
	expect(path, "expect_phys_base", dead.phys_base);
	expect(path, "expect_page_offset", dead.page_offset);
	expect(path, "expect_vmcoreinfo", dead.vmcoreinfo_phys);
	expect(path, "expect_vmcoreinfo_bytes", dead.space.vmcoreinfo.bytes);
	expect(path, "expect_per_cpu_offset", dead.per_cpu_offset);
	if (cpus > 1)
		expect(path, "expect_crash_notes", dead.crash_notes);
	assert_int_equal(dead.this_cpu, cpu);
	assert_int_equal(dead.cpu_count, cpus);
	for (uint32_t i = 0; i < cpus; i++) {
		struct lb_user_regs regs;
		int32_t pid;
		bool left = lb_deadkernel_cpu_regs(&dead, i, &regs, &pid);

		assert_int_equal(left, i != cpu);
		if (left) {
			printf("  CPU %u: pid %d rip %#llx rsp %#llx\n", i, pid, (unsigned long long)regs.rip,
			       (unsigned long long)regs.rsp);
			assert_true(regs.cs == 0x10 || regs.cs == 0x33);
		}
	}

	// The same memory as if the panic had come before VMCOREINFO was written.
	image.hidden = dead.vmcoreinfo_phys;
	pages_read = 0;
	lb_deadkernel_read(&space, gs_base, early_text, &early);
	printf("  without VMCOREINFO: %llu pages read\n", (unsigned long long)pages_read);
	assert_true(early.has_text && early.has_page_offset && early.has_cpus);
	assert_false(early.has_vmcoreinfo);
	expect(path, "expect_swapper", early.swapper_pg_dir);
	assert_int_equal(early.per_cpu_offset, dead.per_cpu_offset);
	assert_int_equal(early.cpu_count, cpus);
	assert_int_equal(early.this_cpu, cpu);
	assert_int_equal(early.crash_notes, cpus > 1 ? dead.crash_notes : 0);
	assert_true(early.has_build_id);
	assert_build_id(&dead, &early);
	fclose(image.file);
}

static int take_ram(void **state)
{
	(void)state;
	ram = malloc(RAM_BYTES);
	return ram ? 0 : -1;
}

static int free_ram(void **state)
{
	(void)state;
	free(ram);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_everything),
		cmocka_unit_test(finds_cpus_by_pattern),
		cmocka_unit_test(pattern_wants_all_cpus_to_agree),
		cmocka_unit_test(one_cpu),
		cmocka_unit_test(foreign_gs_base),
		cmocka_unit_test(early_panic_is_synthesised),
		cmocka_unit_test(build_id_is_found),
		cmocka_unit_test(nothing_known_is_synthesised),
		cmocka_unit_test(note_is_copied_whole),
		cmocka_unit_test(decoys_are_passed_over),
		cmocka_unit_test(note_heads_are_checked),
		cmocka_unit_test(other_link_address),
		cmocka_unit_test(buffers_without_a_whole_note),
		cmocka_unit_test(cr3_has_other_bits),
		cmocka_unit_test(encryption_is_reported),
		cmocka_unit_test(page_offset_must_fit_the_text),
		cmocka_unit_test(text_must_be_ram),
		cmocka_unit_test(hostile_kallsyms),
		cmocka_unit_test(hostile_tables),
		cmocka_unit_test(garbage),
		cmocka_unit_test(real_image),
	};

	return cmocka_run_group_tests(tests, take_ram, free_ram);
}
