// SPDX-License-Identifier: BSD-2-Clause
// Looks up symbols by name. Tables that are missing, and tables with wrong content.
#include "crash/dead/kallsyms.h"
#include "dead_kernel_image.h"

#define WANTED 6

static const char *const names[WANTED] = {
	"function_1953023", "crash_notes", "no_such_symbol", "_text", "crash_note", "__per_cpu_offset",
};

static struct lb_deadmem opened;

// Opens the image that was built last and looks up all names; returns the number of symbols found.
static uint32_t find(const struct lb_deadkernel *dead, struct lb_symbol_wanted *ret_wanted)
{
	struct lb_symbols symbols;

	for (uint32_t i = 0; i < WANTED; i++)
		ret_wanted[i] = (struct lb_symbol_wanted){.name = names[i], .address = 4711};
	lb_deadmem_open(&opened, &dead->space);
	if (!lb_symbols_open_listed(&symbols, &opened, dead))
		return 0;
	return lb_symbols_find(&symbols, ret_wanted, WANTED);
}

static void names_are_found(void **state)
{
	static const uint64_t addresses[WANTED] = {TEXT + 16 * 1999, NOTES_PTR, 0, TEXT, DATA, OFFSETS};

	(void)state;
	for (enum symbols symbols = BASE_NEGATIVE; symbols <= PLACE_RELATIVE; symbols++) {
		struct lb_symbol_wanted wanted[WANTED];
		struct machine m = usual;
		struct lb_deadkernel dead;

		m.symbols = symbols;
		m = build(m);
		dead = read_kernel(&m);
		assert_int_equal(find(&dead, wanted), WANTED - 1);
		for (uint32_t i = 0; i < WANTED; i++)
			assert_int_equal(wanted[i].address, addresses[i]);
	}
}

// Most symbols lie below the base and are relative to it. A value above 0 is an absolute address: until Linux
// 6.14, that of a per-CPU variable.
static void per_cpu_addresses_are_absolute(void **state)
{
	struct machine m = build(usual);
	struct lb_deadkernel dead = read_kernel(&m);
	struct lb_symbols symbols;
	uint64_t address = 0;

	(void)state;
	lb_deadmem_open(&opened, &dead.space);
	assert_true(lb_symbols_open_listed(&symbols, &opened, &dead));
	assert_true(lb_symbols_percpu(&symbols, "percpu_function", &address));
	assert_int_equal(address, PERCPU_SYMBOL);
	assert_false(lb_symbols_address(&symbols, "percpu_function", &address));
}

// If one of the tables is missing, no symbol is found.
static void tables_are_missing(void **state)
{
	static const char *const keys[] = {
		"SYMBOL(kallsyms_names)=", "SYMBOL(kallsyms_num_syms)=", "SYMBOL(kallsyms_token_table)=",
		"SYMBOL(kallsyms_token_index)=", "SYMBOL(kallsyms_offsets)="};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct machine m = build(usual);
		struct lb_deadkernel dead = read_kernel(&m);
		struct lb_symbol_wanted wanted[WANTED];
		const char *first = (char *)ram + NOTE + LB_VMCOREINFO_TEXT, *found = strstr(first, keys[i]);
		char *line = note_text + (found - first);

		assert_non_null(found);
		line[0] = '#';
		assert_int_equal(find(&dead, wanted), 0);
		line[0] = 'S';
		memcpy(line + strlen(keys[i]), "1234567812345678", 16); // an address outside of the image
		assert_int_equal(find(&dead, wanted), 0);
	}
}

// Tables and counts with wrong content. The search ends, and within the budget.
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
	assert_cpus(&m, &dead); // found without symbols, by pattern

	// Names that reach to the end of the image.
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

	// Tokens without an end, and tokens outside of the token table.
	m = build(usual);
	memset(image_at(TOKEN_TABLE), 'c', 0x1000);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);
	m = build(usual);
	memset(image_at(TOKEN_INDEX), 0xff, 512);
	memset(image_at(TOKEN_TABLE + 0xffff), 0, 1);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);

	// Symbols outside of the image.
	m = build(usual);
	put64(RELATIVE_BASE, 0x1000);
	dead = read_kernel(&m);
	assert_cpus(&m, &dead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(per_cpu_addresses_are_absolute),
		cmocka_unit_test(tables_are_missing),
		cmocka_unit_test(hostile_kallsyms),
	};

	return cmocka_run_group_tests(tests, take_ram, free_ram);
}
