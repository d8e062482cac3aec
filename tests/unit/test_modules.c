// SPDX-License-Identifier: BSD-2-Clause
// The list of modules in both layouts, the modules' symbols, and lists with wrong content.
#include "crash/dead/modules.h"

#include <elf.h>

#include "dead_machine.h"

#define HEAD_PHYS 0x300000ULL
#define HEAD (DEAD_DIRECT + HEAD_PHYS)
#define MODULE_PHYS(number) (0x310000ULL + (uint64_t)(number)*0x1000)
#define MODULE(number) (DEAD_DIRECT + MODULE_PHYS(number))
#define CODE(number) (0xffffffffc0000000ULL + (uint64_t)(number)*0x10000)
#define SYMTAB_PHYS 0x400000ULL
#define STRTAB_PHYS 0x410000ULL
#define ROOM 5U

// The layouts of 6.1 and 6.12, with made-up numbers.
static const struct lb_modules_layout with_layouts = {
	.list = 8,
	.name = 24,
	.name_bytes = 56,
	.state = 0,
	.taints = 0x100,
	.core = 0x140,
	.init = 0x1c0,
	.base = 0,
	.size = 8,
	.text_size = 12,
	.has_orc = true,
	.orc_count = 0x200,
	.orc_ips = 0x208,
	.orc_entries = 0x210,
	.has_symbols = true,
	.kallsyms = 0x220,
	.symtab = 0,
	.symbols = 8,
	.strtab = 16,
};
static const struct lb_modules_layout with_pieces = {
	.list = 8,
	.name = 24,
	.name_bytes = 56,
	.state = 0,
	.taints = 0x100,
	.has_pieces = true,
	.base = 0,
	.size = 16,
	.pieces = 0x140,
	.piece_bytes = 64,
	.piece_count = 7,
	.text_piece = 0,
	.init_text_piece = 4,
};

static struct dead_machine *machine;
static struct lb_deadmem mem;
static struct lb_modules modules;
static struct lb_module list[ROOM];

static void put(uint64_t virt, uint64_t value, unsigned int bytes)
{
	dead_put(machine, virt - DEAD_DIRECT, value, bytes);
}

static void put_module(uint32_t number, uint64_t next, const struct lb_modules_layout *layout)
{
	const uint64_t at = MODULE(number);
	char name[56];

	put(at + layout->list, next, 8);
	memset(name, 0, sizeof(name));
	snprintf(name, sizeof(name), "module_%u", number);
	memcpy(dead_at(machine, MODULE_PHYS(number) + layout->name), name, sizeof(name));
	put(at + layout->state, number, 4);
	put(at + layout->taints, 1 << 12 | 1 << 13, 8);
	if (layout->has_pieces) {
		for (uint32_t piece = 0; piece < 7; piece++) {
			put(at + layout->pieces + piece * 64, CODE(number) + piece * 0x1000, 8);
			put(at + layout->pieces + piece * 64 + 16, 0x100 * (piece + 1), 4);
		}
		return;
	}
	put(at + layout->core, CODE(number), 8);
	put(at + layout->core + 8, 0x3000, 4);
	put(at + layout->core + 12, 0x1000, 4);
	put(at + layout->init, CODE(number) + 0x8000, 8);
	put(at + layout->init + 8, 0x800, 4);
	put(at + layout->init + 12, 0x400, 4);
}

static void put_list(const struct lb_modules_layout *layout)
{
	put(HEAD, MODULE(0) + layout->list, 8);
	for (uint32_t i = 0; i < 3; i++)
		put_module(i, i < 2 ? MODULE(i + 1) + layout->list : HEAD, layout);
}

static int open_machine(void **unused)
{
	(void)unused;
	machine = dead_open();
	lb_deadmem_open(&mem, &machine->dead);
	memset(list, 0xee, sizeof(list));
	modules = (struct lb_modules){.mem = &mem, .list = list, .capacity = ROOM};
	return 0;
}

static int close_machine(void **unused)
{
	(void)unused;
	dead_close(machine);
	return 0;
}

static void assert_range(struct lb_range range, uint64_t start, uint64_t bytes)
{
	assert_int_equal(range.start, start);
	assert_int_equal(range.end, start + bytes);
}

static void both_layouts_are_read(void **unused)
{
	(void)unused;
	put_list(&with_layouts);
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_int_equal(modules.count, 3);
	assert_false(modules.cut);
	assert_string_equal(list[2].name, "module_2");
	assert_int_equal(list[2].state, LB_MODULE_GOING);
	assert_int_equal(list[2].taints, 0x3000);
	assert_range(list[2].text, CODE(2), 0x1000);
	assert_range(list[2].init_text, CODE(2) + 0x8000, 0x400);
	assert_int_equal(list[2].bytes, 0x3800);

	put_list(&with_pieces);
	lb_modules_read(&modules, &with_pieces, HEAD);
	assert_int_equal(modules.count, 3);
	assert_range(list[1].text, CODE(1), 0x100);
	assert_range(list[1].init_text, CODE(1) + 0x4000, 0x500);
	assert_int_equal(list[1].bytes, 0x100 * (1 + 2 + 3 + 4 + 5 + 6 + 7));
	assert_int_equal(list[1].orc.count, 0);
	assert_int_equal(list[1].symbols, 0);
}

static void code_is_found_by_its_address(void **unused)
{
	(void)unused;
	put_list(&with_layouts);
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_ptr_equal(lb_modules_at(&modules, CODE(1)), &list[1]);
	assert_ptr_equal(lb_modules_at(&modules, CODE(1) + 0xfff), &list[1]);
	assert_null(lb_modules_at(&modules, CODE(1) + 0x1000));
	assert_ptr_equal(lb_modules_at(&modules, CODE(1) + 0x8000), &list[1]);
	assert_null(lb_modules_at(&modules, CODE(1) + 0x8400));
	assert_null(lb_modules_at(&modules, 0));
}

// After a module's init code has run it is freed: its base and size are 0.
static void code_that_is_gone_is_empty(void **unused)
{
	(void)unused;
	put_list(&with_layouts);
	put(MODULE(0) + with_layouts.init, 0, 8);
	put(MODULE(1) + with_layouts.core, 0x1000, 8); // an address that is no module's
	put(MODULE(2) + with_layouts.core + 12, 0x3001, 4); // more code than memory
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_true(lb_range_empty(list[0].init_text));
	assert_true(lb_range_empty(list[1].text));
	assert_true(lb_range_empty(list[2].text));
	assert_null(lb_modules_at(&modules, 0x1000));
}

static void a_long_list_is_cut(void **unused)
{
	(void)unused;
	put_list(&with_layouts);
	modules.capacity = 2;
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_int_equal(modules.count, 2);
	assert_true(modules.cut);
	assert_int_equal((uint8_t)list[2].name[0], 0xee);

	modules.capacity = ROOM;
	// The list leads back to its own middle.
	put(MODULE(2) + with_layouts.list, MODULE(1) + with_layouts.list, 8);
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_int_equal(modules.count, ROOM);
	assert_true(modules.cut);

	put(MODULE(1) + with_layouts.list, 0xdead000000000000, 8);
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_int_equal(modules.count, 2);
	assert_true(modules.cut);
	lb_modules_read(&modules, &with_layouts, 0xdead000000000000);
	assert_int_equal(modules.count, 0);
	assert_true(modules.cut);
}

static void names_are_made_printable(void **unused)
{
	(void)unused;
	put_list(&with_layouts);
	memset(dead_at(machine, MODULE_PHYS(0) + with_layouts.name), '\n', 200);
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_int_equal(strlen(list[0].name), 56);
	assert_int_equal(strspn(list[0].name, "?"), 56);
}

static void put_symbol(uint32_t number, const char *name, uint64_t value, unsigned char type,
		       uint16_t section)
{
	const Elf64_Sym symbol = {.st_name = *name ? 1 + number * 32 : 0,
				  .st_value = value,
				  .st_info = ELF64_ST_INFO(STB_LOCAL, type),
				  .st_shndx = section};

	memcpy(dead_at(machine, SYMTAB_PHYS + number * sizeof(symbol)), &symbol, sizeof(symbol));
	strcpy((char *)dead_at(machine, STRTAB_PHYS + 1 + number * 32), name);
}

static void put_tables(uint32_t symbols)
{
	put(MODULE(0) + with_layouts.orc_count, 17, 4);
	put(MODULE(0) + with_layouts.orc_ips, CODE(0) + 0x2000, 8);
	put(MODULE(0) + with_layouts.orc_entries, CODE(0) + 0x2800, 8);
	put(MODULE(0) + with_layouts.kallsyms, MODULE(0) + 0x800, 8);
	put(MODULE(0) + 0x800, DEAD_DIRECT + SYMTAB_PHYS, 8);
	put(MODULE(0) + 0x808, symbols, 4);
	put(MODULE(0) + 0x810, DEAD_DIRECT + STRTAB_PHYS, 8);
}

static void assert_symbol(uint64_t address, const char *name, uint64_t start, uint64_t bytes)
{
	struct lb_symbol_name found;

	assert_true(lb_module_symbol(&modules, &list[0], address, &found));
	assert_string_equal(found.name, name);
	assert_int_equal(found.start, start);
	assert_int_equal(found.bytes, bytes);
}

static void functions_have_names(void **unused)
{
	struct lb_symbol_name found;

	(void)unused;
	put_list(&with_layouts);
	put_tables(8);
	put_symbol(0, "", 0, STT_NOTYPE, SHN_UNDEF);
	put_symbol(1, "", CODE(0), STT_SECTION, 1);
	put_symbol(2, "second", CODE(0) + 0x200, STT_FUNC, 1);
	put_symbol(3, "printk", CODE(0) + 0x210, STT_NOTYPE, SHN_UNDEF);
	put_symbol(4, "first", CODE(0) + 0x100, STT_FUNC, 1);
	put_symbol(5, "alias", CODE(0) + 0x100, STT_FUNC, 1);
	put_symbol(6, "init", CODE(0) + 0x8010, STT_FUNC, 3);
	put_symbol(7, "data", CODE(0) + 0x2000, STT_OBJECT, 2);
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_int_equal(list[0].orc.count, 17);
	assert_int_equal(list[0].orc.ips, CODE(0) + 0x2000);
	assert_int_equal(list[0].orc.entries, CODE(0) + 0x2800);
	assert_symbol(CODE(0) + 0x100, "first", CODE(0) + 0x100, 0x100);
	assert_symbol(CODE(0) + 0x1ff, "first", CODE(0) + 0x100, 0x100);
	assert_symbol(CODE(0) + 0x200, "second", CODE(0) + 0x200, 0xe00);
	assert_symbol(CODE(0) + 0xfff, "second", CODE(0) + 0x200, 0xe00);
	assert_symbol(CODE(0) + 0x8020, "init", CODE(0) + 0x8010, 0x3f0);
	assert_false(lb_module_symbol(&modules, &list[0], CODE(0) + 0x80, &found));
	assert_false(lb_module_symbol(&modules, &list[0], CODE(0) + 0x8000, &found));
	assert_false(lb_module_symbol(&modules, &list[0], CODE(0) + 0x2000, &found));
	assert_false(lb_module_symbol(&modules, &list[1], CODE(1) + 0x100, &found));
}

static void names_end(void **unused)
{
	char name[LB_SYMBOL_NAME_MAX + 40];

	(void)unused;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	put_list(&with_layouts);
	put_tables(1);
	put_symbol(0, name, CODE(0), STT_FUNC, 1);
	lb_modules_read(&modules, &with_layouts, HEAD);
	name[LB_SYMBOL_NAME_MAX - 1] = '\0';
	assert_symbol(CODE(0), name, CODE(0), 0x1000);
}

static void tables_that_lie_are_none(void **unused)
{
	struct lb_symbol_name found;

	(void)unused;
	put_list(&with_layouts);
	put_tables(UINT32_MAX);
	put(MODULE(0) + with_layouts.orc_count, UINT32_MAX, 4);
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_int_equal(list[0].orc.count, 0);
	assert_int_equal(list[0].symbols, 0);

	put_tables(1);
	put_symbol(0, "first", CODE(0), STT_FUNC, 1);
	put(MODULE(0) + 0x810, 0xdead000000000000, 8);
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_false(lb_module_symbol(&modules, &list[0], CODE(0), &found));
	put(MODULE(0) + 0x800, 0xdead000000000000, 8);
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_false(lb_module_symbol(&modules, &list[0], CODE(0), &found));
	put(MODULE(0) + with_layouts.kallsyms, 0, 8);
	lb_modules_read(&modules, &with_layouts, HEAD);
	assert_int_equal(list[0].symbols, 0);
	assert_int_equal(modules.count, 3);
}

static void taints_have_letters(void **unused)
{
	char text[LB_MODULE_TAINTS];

	(void)unused;
	assert_string_equal(lb_taint_letters(0, text), "");
	assert_string_equal(lb_taint_letters(1 << 12 | 1 << 13, text), "OE");
	assert_string_equal(lb_taint_letters(1 << 0 | 1 << 7 | 1 << 9 | 1 << 19, text), "PDWJ");
	assert_string_equal(lb_taint_letters(1ULL << 20 | 1ULL << 63, text), "??");
	assert_int_equal(strlen(lb_taint_letters(UINT64_MAX, text)), LB_MODULE_TAINTS - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_layouts_are_read),
		TEST(code_is_found_by_its_address),
		TEST(code_that_is_gone_is_empty),
		TEST(a_long_list_is_cut),
		TEST(names_are_made_printable),
		TEST(functions_have_names),
		TEST(names_end),
		TEST(tables_that_lie_are_none),
		TEST(taints_have_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
