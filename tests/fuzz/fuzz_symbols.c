// SPDX-License-Identifier: BSD-2-Clause
// Property: whatever a kernel's image holds in place of kallsyms and BTF, opening them, finding names, naming
// addresses, and making a whole VMCOREINFO end within their budgets, and use no page but the one read last
// (the others are freed). They give only addresses of the image, texts that end, and lines of VMCOREINFO that
// fit. The input is damage to a small kernel. Without damage everything is found.
#include "crash/dead/vmcoreinfo_make.h"
#include "fuzz.h"

#define DEAD_RAM (6 * LB_MIB)
#include "tests/unit/dead_image.h"

enum { INT = 1, PTR, ARRAY, STRUCT, UNION, ENUM };

#define NAMES_ASKED 8U
#define PAGES_MAX (16U << 20) // some ten passes, each with a budget of its own

static struct lb_vmcoreinfo_work work;

static uint64_t build_types(struct dead_machine *machine)
{
	static struct btf_made made;
	uint32_t word, list;

	memset(&made, 0, sizeof(made));
	word = btf_type(&made, "unsigned long", INT, 0, 8);
	btf_word(&made, 64);
	list = btf_type(&made, "list_head", STRUCT, 2, 16);
	btf_member(&made, "next", word, 0);
	btf_member(&made, "prev", word, 64);
	btf_type(&made, "", ARRAY, 0, 0);
	btf_word(&made, list);
	btf_word(&made, word);
	btf_word(&made, 11);
	btf_type(&made, "", UNION, 1, 16);
	btf_member(&made, "lru", list, 0);
	btf_type(&made, "page", STRUCT, 2, 64);
	btf_member(&made, "flags", word, 0);
	btf_member(&made, "", 4, 64);
	btf_type(&made, "zone", STRUCT, 1, 176);
	btf_member(&made, "free_area", 3, 0);
	btf_type(&made, "mem_section_usage", STRUCT, 1, 8);
	btf_member(&made, "subsection_map", word, 0);
	btf_type(&made, "pageflags", ENUM, 2, 4);
	btf_entry(&made, "PG_lru", 5);
	btf_entry(&made, "PG_head", 6);
	return write_btf(machine, &made);
}

// Builds the small kernel once for each layout.
static struct dead_tables build(struct dead_machine *machine, enum layout layout)
{
	static uint8_t *made[LAYOUTS];
	static struct dead_tables tables[LAYOUTS];
	struct dead_symbol more[] = {{"Dprb", 0x30000}, {"D__start_BTF", BTF_AT}, {"D__stop_BTF", 0}};

	if (!made[layout]) {
		more[2].at = build_types(machine) - IMAGE_VIRT;
		tables[layout] = write_symbols(machine, layout, more, 3);
		made[layout] = fuzz_alloc(IMAGE_BYTES);
		memcpy(made[layout], machine->ram + IMAGE, IMAGE_BYTES);
	}
	memcpy(machine->ram + IMAGE, made[layout], IMAGE_BYTES);
	return tables[layout];
}

// Writes bytes of the input to places that it chooses, near the tables.
static void damage(struct dead_machine *machine, const struct dead_tables *tables, struct fuzz_input *input)
{
	const uint64_t places[] = {
		tables->num_syms,    tables->names,   tables->markers,     tables->token_table,
		tables->token_index, tables->offsets, IMAGE_VIRT + BTF_AT, IMAGE_VIRT + BTF_AT + 24,
	};

	while (input->left >= 4) {
		const unsigned int place =
			(unsigned int)fuzz_take(input, 1) % (sizeof(places) / sizeof(places[0]));
		const uint64_t at = places[place] + fuzz_take(input, 2);
		unsigned int bytes = (unsigned int)fuzz_take(input, 1) % 8 + 1;

		while (bytes-- && at + bytes < IMAGE_VIRT + IMAGE_BYTES)
			*image_at(machine, at + bytes) = (uint8_t)fuzz_take(input, 1);
	}
}

static void ask_symbols(struct lb_symbols *symbols, bool whole)
{
	struct lb_symbol_wanted wanted[] = {{.name = "prb"}, {.name = "linux_banner"}, {.name = "none"}};
	struct lb_symbol_name name;
	uint32_t found = lb_symbols_find(symbols, wanted, 3);

	fuzz_check(!whole || found == 2);
	for (unsigned int i = 0; i < 3; i++)
		fuzz_check(!wanted[i].address ||
			   (wanted[i].address >= IMAGE_VIRT && wanted[i].address < IMAGE_VIRT + IMAGE_BYTES));
	for (uint64_t i = 0; i < NAMES_ASKED; i++) {
		const uint64_t address = IMAGE_VIRT + FUNCTIONS_AT + i * 0x1111;
		const bool known = lb_symbols_name(symbols, address, &name);

		fuzz_check(!whole || known);
		fuzz_check(!known || (name.start <= address && memchr(name.name, '\0', sizeof(name.name))));
	}
}

static void ask_types(struct lb_btf *btf, bool whole)
{
	struct lb_btf_field field;
	uint64_t bytes;
	int64_t value;

	fuzz_check(lb_btf_member(btf, "page", "lru.next", &field) || !whole);
	fuzz_check(lb_btf_member(btf, "zone", "free_area", &field) || !whole);
	fuzz_check(lb_btf_size(btf, "list_head", &bytes) || !whole);
	fuzz_check(lb_btf_enumerator(btf, "PG_head", &value) || !whole);
	fuzz_check(!lb_btf_member(btf, "page", "nothing", &field) || !whole);
}

static void check_text(const char *text, const struct lb_vmcoreinfo_made *made)
{
	fuzz_check(made->bytes <= LB_VMCOREINFO_MAX && (!made->bytes || text[made->bytes - 1] == '\n'));
	for (uint32_t i = 0; i < made->bytes; i++)
		fuzz_check(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
	fuzz_check(memchr(made->why, '\0', sizeof(made->why)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const bool whole = bytes < 4;
	const enum layout layout = (enum layout)(bytes ? data[0] % LAYOUTS : 0);
	struct dead_machine *machine = dead_open();
	struct fuzz_input input = {data, bytes};
	char *text = fuzz_alloc(LB_VMCOREINFO_MAX);
	struct lb_vmcoreinfo_made made;
	struct lb_deadkernel kernel;
	struct dead_tables tables;
	struct lb_error err;

	tables = build(machine, layout);
	damage(machine, &tables, &input);
	dead_info(machine, "OSRELEASE=6.1.0\n");
	kernel = dead_kernel(machine);
	fuzz_poison_error(&err);
	if (lb_vmcoreinfo_make(&kernel, &work, text, &made, &err) == 0) {
		fuzz_check(!whole || work.has_btf);
		check_text(text, &made);
		ask_symbols(&work.symbols, whole);
		if (work.has_btf)
			ask_types(&work.btf, whole);
	} else {
		fuzz_check(!whole);
		fuzz_check_error(&err, "kallsyms");
	}
	fuzz_check(machine->pages_read < PAGES_MAX);
	free(text);
	dead_close(machine);
	return 0;
}
