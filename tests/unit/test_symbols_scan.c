// SPDX-License-Identifier: BSD-2-Clause
// Finds symbol tables that VMCOREINFO does not list, in each layout. What only looks like a table is skipped.
#include "crash/dead/symbols_scan.h"
#include "dead_image.h"

static const struct dead_symbol more[] = {{"Dprb", 0x30000}, {"b__per_cpu_offset", 0x31000}};

static struct lb_deadmem opened;

static int scan(struct dead_machine *machine, struct lb_symbols *symbols)
{
	struct lb_error err = {.text = ""};
	int result;

	memset(symbols, 0xee, sizeof(*symbols));
	lb_deadmem_open(&opened, &machine->dead);
	symbols->mem = &opened;
	symbols->known = NULL;
	symbols->image = (struct lb_range){IMAGE_VIRT, IMAGE_VIRT + IMAGE_BYTES};
	machine->pages_read = 0;
	result = lb_symbols_scan(symbols, &err);
	assert_int_equal(result != 0, err.text[0] != '\0');
	return result;
}

static void assert_found(struct dead_machine *machine, const struct dead_tables *tables)
{
	struct lb_symbols symbols;
	uint64_t address;

	assert_int_equal(scan(machine, &symbols), 0);
	assert_int_equal(symbols.num_syms, tables->num_syms);
	assert_int_equal(symbols.names, tables->names);
	assert_int_equal(symbols.token_table, tables->token_table);
	assert_int_equal(symbols.token_index, tables->token_index);
	assert_int_equal(symbols.offsets, tables->offsets);
	assert_int_equal(symbols.relative_base, tables->relative_base);
	assert_int_equal(symbols.count, tables->count);
	assert_true(lb_symbols_address(&symbols, "prb", &address));
	assert_int_equal(address, IMAGE_VIRT + 0x30000);
	assert_true(machine->pages_read < 3000);
}

static void every_layout_is_found(void **state)
{
	(void)state;
	for (enum layout layout = BEFORE; layout < LAYOUTS; layout++) {
		struct dead_machine *machine = dead_open();
		struct dead_tables tables = write_symbols(machine, layout, more, 2);

		assert_found(machine, &tables);
		dead_close(machine);
	}
}

// In front of the true tables lies data that looks like an index, a count, or the banner's name.
static void what_only_looks_like_it_is_passed_over(void **state)
{
	(void)state;
	for (enum layout layout = BEFORE; layout < LAYOUTS; layout++) {
		struct dead_machine *machine = dead_open();
		struct dead_tables tables = write_symbols(machine, layout, more, 2);
		uint16_t ramp[256];

		for (unsigned int i = 0; i < 256; i++)
			ramp[i] = (uint16_t)(3 * i);
		for (uint64_t at = 0x40000; at < 0x60000; at += 1024)
			// No token texts before it.
			memcpy(image_at(machine, IMAGE_VIRT + at), ramp, sizeof(ramp));
		for (unsigned int i = 0; i < 256; i++)
			ramp[i] = (uint16_t)(4711 + 3 * i); // an index that does not begin with 0
		memcpy(image_at(machine, IMAGE_VIRT + 0x60000), ramp, sizeof(ramp));
		assert_found(machine, &tables);
		dead_close(machine);
	}
}

// A layout counts only if it gives the banner's true address.
static void the_banner_decides(void **state)
{
	(void)state;
	for (enum layout layout = BEFORE; layout < LAYOUTS; layout++) {
		struct dead_machine *machine = dead_open();
		struct lb_symbols symbols;

		write_symbols(machine, layout, more, 2);
		*image_at(machine, IMAGE_VIRT + BANNER_AT) = 'l';
		assert_int_equal(scan(machine, &symbols), -1);
		dead_close(machine);
	}
}

// Without CONFIG_KALLSYMS_ALL the banner has no symbol. Then the address of _stext decides.
static void without_names_of_data_stext_decides(void **state)
{
	struct dead_machine *machine = dead_open();
	struct dead_tables tables = write_symbols(machine, BEHIND, more, 2);
	char *name = (char *)image_at(machine, tables.names);
	struct lb_symbols symbols;

	(void)state;
	while (memcmp(name, "Dlinux_banner", 13) != 0)
		name++;
	name[1] = 'L';
	assert_int_equal(scan(machine, &symbols), 0);
	image_put32(machine, tables.offsets + 4, 0x300000);
	assert_int_equal(scan(machine, &symbols), -1);
	dead_close(machine);
}

// Each table is damaged in turn. The search ends soon and finds nothing.
static void hostile_tables(void **state)
{
	(void)state;
	for (enum layout layout = BEFORE; layout < LAYOUTS; layout++) {
		for (unsigned int what = 0; what < 5; what++) {
			struct dead_machine *machine = dead_open();
			struct dead_tables tables = write_symbols(machine, layout, more, 2);
			struct lb_symbols symbols;

			switch (what) {
			case 0:
				image_put32(machine, tables.num_syms, UINT32_MAX);
				break;
			case 1:
				image_put32(machine, tables.num_syms, tables.count - 1);
				break;
			case 2:
				image_put32(machine, tables.markers + 4, 0x1000);
				break;
			case 3:
				*image_at(machine, tables.token_table + 4) = 'x';
				break;
			default:
				memset(image_at(machine, tables.names), 0, tables.markers - tables.names);
			}
			assert_int_equal(scan(machine, &symbols), -1);
			assert_true(machine->pages_read < 20000);
			dead_close(machine);
		}
	}
}

// The image is full of data that looks like markers, counts and indexes.
static void endless_candidates_end(void **state)
{
	(void)state;
	for (unsigned int what = 0; what < 3; what++) {
		struct dead_machine *machine = dead_open();
		struct lb_symbols symbols;
		struct dead_tables tables = write_symbols(machine, BEHIND, more, 2);
		uint64_t end = tables.num_syms;

		for (uint64_t at = IMAGE_VIRT; at < end; at += 4) {
			const uint32_t index = (uint32_t)(at - IMAGE_VIRT) / 4;

			image_put32(machine, at,
				    what == 0   ? index % 4 * 600
				    : what == 1 ? 5000
						: index % 128 * 0x60003);
		}
		if (what < 2)
			image_put32(machine, tables.num_syms, 0);
		memset(image_at(machine, IMAGE_VIRT + BANNER_AT), 0, 16);
		assert_int_equal(scan(machine, &symbols), -1);
		assert_true(machine->pages_read <= LB_DEADMEM_PAGES);
		dead_close(machine);
	}
}

static void empty_image(void **state)
{
	struct dead_machine *machine = dead_open();
	struct lb_symbols symbols;

	(void)state;
	assert_int_equal(scan(machine, &symbols), -1);
	dead_close(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_layout_is_found),
		cmocka_unit_test(what_only_looks_like_it_is_passed_over),
		cmocka_unit_test(the_banner_decides),
		cmocka_unit_test(without_names_of_data_stext_decides),
		cmocka_unit_test(hostile_tables),
		cmocka_unit_test(endless_candidates_end),
		cmocka_unit_test(empty_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
