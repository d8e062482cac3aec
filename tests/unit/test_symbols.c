// SPDX-License-Identifier: BSD-2-Clause
// Names of addresses, and which symbol tables are used.
#include "crash/dead/symbols.h"
#include "dead_image.h"

#define LONG                                                                                                 \
	"tlong_123456789_123456789_123456789_123456789_123456789_123456789_123456789_123456789_123456789_"   \
	"123456789_123456789_123456789_123456789_"

static const struct dead_symbol more[] = {
	{"Ddata", 0x30000},  {"Dalias", 0x31000}, {"Tcode", 0x31000},
	{"tother", 0x31000}, {LONG, 0x32000},     {"Blast", 0x33000},
};
#define MORE (sizeof(more) / sizeof(more[0]))

static struct lb_deadmem opened;

static void open_all(struct dead_machine *machine, struct lb_symbols *symbols)
{
	const struct lb_deadkernel kernel = dead_kernel(machine);
	struct lb_error err;

	memset(symbols, 0xee, sizeof(*symbols));
	lb_deadmem_open(&opened, &machine->dead);
	if (lb_symbols_open(symbols, &opened, &kernel, NULL, &err) != 0)
		fail_msg("%s", err.text);
}

static void assert_name(struct lb_symbols *symbols, uint64_t at, const char *name, uint64_t start,
			uint64_t bytes)
{
	struct lb_symbol_name found;

	assert_true(lb_symbols_name(symbols, IMAGE_VIRT + at, &found));
	assert_string_equal(found.name, name);
	assert_int_equal(found.start, IMAGE_VIRT + start);
	assert_int_equal(found.bytes, bytes);
}

static void addresses_are_named(void **state)
{
	(void)state;
	for (enum layout layout = BEFORE; layout < LAYOUTS; layout++) {
		struct dead_machine *machine = dead_open();
		struct lb_symbols symbols;
		char cut[LB_SYMBOL_NAME_MAX] = "";

		write_symbols(machine, layout, more, MORE);
		open_all(machine, &symbols);
		assert_name(&symbols, 0, "_text", 0, FUNCTIONS_AT);
		assert_name(&symbols, FUNCTIONS_AT - 1, "_text", 0, FUNCTIONS_AT);
		for (uint32_t i = 0; i < FUNCTIONS - 1; i += 7) {
			char name[32];

			snprintf(name, sizeof(name), "fn_%u", i * 977);
			assert_name(&symbols, FUNCTIONS_AT + 16 * i + i % 16, name, FUNCTIONS_AT + 16 * i,
				    16);
		}
		assert_name(&symbols, 0x30fff, "data", 0x30000, 0x1000);
		// Of two symbols at one address a function comes before data.
		assert_name(&symbols, 0x31008, "code", 0x31000, 0x1000);
		memcpy(cut, LONG + 1, sizeof(cut) - 1);
		assert_name(&symbols, 0x32000, cut, 0x32000, 0x1000);
		assert_name(&symbols, IMAGE_BYTES - 1, "last", 0x33000, IMAGE_BYTES - 0x33000);
		dead_close(machine);
	}
}

static void what_lies_elsewhere_has_no_name(void **state)
{
	struct dead_machine *machine = dead_open();
	struct lb_symbol_name found;
	struct lb_symbols symbols;

	(void)state;
	write_symbols(machine, BEHIND, more, MORE);
	open_all(machine, &symbols);
	assert_false(lb_symbols_name(&symbols, IMAGE_VIRT - 1, &found));
	assert_false(lb_symbols_name(&symbols, IMAGE_VIRT + IMAGE_BYTES, &found));
	dead_close(machine);
}

static void list(struct dead_machine *machine, const struct dead_tables *tables)
{
	dead_info(machine,
		  "SYMBOL(kallsyms_names)=%llx\nSYMBOL(kallsyms_num_syms)=%llx\nSYMBOL(kallsyms_token_table)="
		  "%llx\n"
		  "SYMBOL(kallsyms_token_index)=%llx\nSYMBOL(kallsyms_offsets)=%llx\n",
		  (unsigned long long)tables->names, (unsigned long long)tables->num_syms,
		  (unsigned long long)tables->token_table, (unsigned long long)tables->token_index,
		  (unsigned long long)tables->offsets);
}

// Tables that VMCOREINFO lists are used without a search. If they are wrong there, they are searched for.
static void listed_tables_come_first(void **state)
{
	struct dead_machine *machine = dead_open();
	struct dead_tables tables = write_symbols(machine, PLACE, more, MORE);
	struct lb_symbols symbols;

	(void)state;
	list(machine, &tables);
	machine->pages_read = 0;
	open_all(machine, &symbols);
	assert_true(machine->pages_read < 700);
	assert_name(&symbols, 0x30fff, "data", 0x30000, 0x1000);
	tables.offsets += 4;
	list(machine, &tables);
	open_all(machine, &symbols);
	assert_int_equal(symbols.offsets, tables.offsets - 4);
	assert_name(&symbols, 0x30fff, "data", 0x30000, 0x1000);
	dead_close(machine);
}

static void neither_listed_nor_found(void **state)
{
	struct dead_machine *machine = dead_open();
	struct lb_deadkernel kernel = dead_kernel(machine);
	struct lb_symbols symbols;
	struct lb_error err;

	(void)state;
	lb_deadmem_open(&opened, &machine->dead);
	assert_int_equal(lb_symbols_open(&symbols, &opened, &kernel, NULL, &err), -1);
	assert_non_null(strstr(err.text, "kallsyms"));
	kernel.has_text = false;
	assert_int_equal(lb_symbols_open(&symbols, &opened, &kernel, NULL, &err), -1);
	dead_close(machine);
}

// Offsets that are not sorted, and names that end early.
static void hostile_tables(void **state)
{
	struct dead_machine *machine = dead_open();
	struct dead_tables tables = write_symbols(machine, BEHIND, more, MORE);
	struct lb_symbol_name found;
	struct lb_symbols symbols;
	uint64_t second;

	(void)state;
	open_all(machine, &symbols);
	for (uint32_t i = 0; i < tables.count; i++)
		image_put32(machine, tables.offsets + 4 * i, i * 0x9e3779b9U % IMAGE_BYTES);
	for (uint64_t at = 0; at < IMAGE_BYTES; at += 0x1001)
		if (lb_symbols_name(&symbols, IMAGE_VIRT + at, &found))
			assert_true(found.start <= IMAGE_VIRT + at &&
				    memchr(found.name, 0, sizeof(found.name)));
	for (uint32_t i = 0; i < tables.count; i++) // all symbols at one address
		image_put32(machine, tables.offsets + 4 * i, 0);
	assert_true(lb_symbols_name(&symbols, IMAGE_VIRT + 5, &found));
	memset(image_at(machine, tables.names), 0xff, tables.markers - tables.names);
	assert_false(lb_symbols_address(&symbols, "prb", &second));
	lb_symbols_name(&symbols, IMAGE_VIRT + 5, &found);
	dead_close(machine);
}

// Names announced beforehand are looked up in the same pass that checks the tables. Later questions about
// them read nothing more, and get the same answers as in passes of their own.
static void names_that_are_told_beforehand_take_one_pass(void **state)
{
	static const char *const told[] = {"data", "fn_977", "no such name", "last", NULL};
	struct lb_symbol_wanted two[] = {{.name = "last"}, {.name = "data"}};
	struct dead_machine *machine = dead_open();
	const struct lb_deadkernel kernel = dead_kernel(machine);
	struct lb_symbols_known known = {.count = 0};
	struct lb_symbols symbols;
	uint64_t address, other;
	uint32_t pages;

	(void)state;
	write_symbols(machine, BEHIND, more, MORE);
	lb_symbols_will_ask(&known, told);
	lb_symbols_will_ask(&known, told);
	assert_int_equal(known.count, 4);
	lb_deadmem_open(&opened, &machine->dead);
	assert_int_equal(lb_symbols_open(&symbols, &opened, &kernel, &known, NULL), 0);
	assert_int_equal(known.count, 6); // with two names that the check itself needs
	pages = machine->pages_read;
	assert_true(lb_symbols_address(&symbols, "data", &address));
	assert_int_equal(address, IMAGE_VIRT + 0x30000);
	assert_true(lb_symbols_percpu(&symbols, "fn_977", &address));
	assert_int_equal(address, IMAGE_VIRT + FUNCTIONS_AT + 16);
	assert_false(lb_symbols_address(&symbols, "no such name", &address));
	assert_false(lb_symbols_percpu(&symbols, "no such name", &address));
	assert_int_equal(lb_symbols_find(&symbols, two, 2), 2);
	assert_int_equal(two[0].address, IMAGE_VIRT + 0x33000);
	assert_int_equal(two[1].address, IMAGE_VIRT + 0x30000);
	assert_int_equal(machine->pages_read, pages);
	// A name that was not announced takes a pass.
	assert_true(lb_symbols_address(&symbols, "other", &other));
	assert_true(machine->pages_read > pages);
	dead_close(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_told_beforehand_take_one_pass),
		cmocka_unit_test(addresses_are_named),
		cmocka_unit_test(what_lies_elsewhere_has_no_name),
		cmocka_unit_test(listed_tables_come_first),
		cmocka_unit_test(neither_listed_nor_found),
		cmocka_unit_test(hostile_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
