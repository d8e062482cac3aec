// SPDX-License-Identifier: BSD-2-Clause
// ORC tables of every encoding: recognised, and looked up at every boundary. Tables with wrong content.
#include "crash/dead/orc.h"
#include "orc_made.h"

#define TEXT 0xffffffff81000000ULL
#define IMAGE 0x400000ULL // where the tables lie in RAM, which is mapped at VIRT
#define VIRT (0xffffffff82000000ULL - IMAGE)
#define IPS (IMAGE + 0x10)
#define ENTRIES (IMAGE + 0x80002) // an address at which entries lie across pages
#define FUNCTIONS 20000U
#define FUNCTION 64U // bytes of a function, with a line at its offsets 0, 1, 8 and 40
#define LINES (4 * FUNCTIONS)

static struct dead_machine *machine;
static struct lb_deadmem mem;
static struct orc_line lines[LINES];
static struct lb_orc_table table;

static int open_machine(void **state)
{
	static const struct lb_orc_entry of_function[4] = {
		ORC_SP(8),
		{LB_ORC_CALL, LB_ORC_SP, LB_ORC_PREV_SP, 16, -16},
		{LB_ORC_CALL, LB_ORC_BP, LB_ORC_PREV_SP, 16, -16},
		ORC_SP(8),
	};

	(void)state;
	machine = dead_open();
	for (uint64_t at = 0; at < 2 * LB_MIB; at += LB_PAGE)
		dead_map(machine, VIRT + IMAGE + at, IMAGE + at);
	for (uint32_t i = 0; i < LINES; i++) {
		static const uint32_t offsets[4] = {0, 1, 8, 40};

		lines[i] = (struct orc_line){TEXT + i / 4 * FUNCTION + offsets[i % 4], of_function[i % 4]};
	}
	// Some functions have no frame pointer.
	for (uint32_t i = 2; i < LINES; i += 4)
		if (i % 3)
			lines[i].entry = (struct lb_orc_entry){LB_ORC_CALL, LB_ORC_SP, LB_ORC_NONE, 32, 0};
	// One line of each other kind.
	lines[5].entry = (struct lb_orc_entry){LB_ORC_REGS, LB_ORC_SP, LB_ORC_NONE, 0, 0};
	lines[6].entry = (struct lb_orc_entry){LB_ORC_IRET, LB_ORC_SP, LB_ORC_NONE, 8, 0};
	lines[7].entry = (struct lb_orc_entry){LB_ORC_END, LB_ORC_NONE, LB_ORC_NONE, 0, 0};
	lines[9].entry = (struct lb_orc_entry){LB_ORC_UNDEFINED, LB_ORC_NONE, LB_ORC_NONE, 0, 0};
	lines[10].entry = (struct lb_orc_entry){LB_ORC_CALL, LB_ORC_SP_INDIRECT, LB_ORC_PREV_SP, 8, -24};
	lines[11].entry = (struct lb_orc_entry){LB_ORC_CALL, LB_ORC_BP_INDIRECT, LB_ORC_BP, -8, 0};
	lines[13].entry = (struct lb_orc_entry){LB_ORC_CALL, LB_ORC_R10, LB_ORC_NONE, 0, 0};
	lines[14].entry = (struct lb_orc_entry){LB_ORC_CALL, LB_ORC_R13, LB_ORC_NONE, 0, 0};
	lines[15].entry = (struct lb_orc_entry){LB_ORC_REGS, LB_ORC_DI, LB_ORC_NONE, 0, 0};
	lines[17].entry = (struct lb_orc_entry){LB_ORC_IRET, LB_ORC_DX, LB_ORC_NONE, 0x7fff, -0x8000};
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	dead_close(machine);
	return 0;
}

static void write_tables(enum orc_generation generation)
{
	table = (struct lb_orc_table){VIRT + IPS, VIRT + ENTRIES, LINES};
	orc_write(machine, generation, lines, &table, VIRT);
	lb_deadmem_open(&mem, &machine->dead);
}

static void assert_entry(const struct lb_orc *orc, uint64_t ip, const struct lb_orc_entry *wanted)
{
	struct lb_orc_entry found;

	assert_true(lb_orc_find(orc, &mem, &table, ip, &found));
	assert_int_equal(found.type, wanted->type);
	assert_int_equal(found.cfa_reg, wanted->cfa_reg);
	assert_int_equal(found.bp_reg, wanted->bp_reg);
	assert_int_equal(found.cfa_offset, wanted->cfa_offset);
	assert_int_equal(found.bp_offset, wanted->bp_offset);
}

static void every_encoding_is_read(void **state)
{
	(void)state;
	for (enum orc_generation generation = ORC_5_10; generation <= ORC_7; generation++) {
		struct lb_error err = {""};
		struct lb_orc orc;

		write_tables(generation);
		if (lb_orc_open(&orc, &mem, &table, &err) != 0)
			fail_msg("generation %d: %s", generation, err.text);
		assert_int_equal(orc.has_types_of_6_4, generation >= ORC_6_4);
		assert_int_equal(orc.has_registers_of_7, generation == ORC_7);
		for (uint32_t i = 0; i < 40; i++) {
			assert_entry(&orc, lines[i].ip, &lines[i].entry);
			assert_entry(&orc, lines[i + 1].ip - 1, &lines[i].entry);
		}
		for (uint32_t i = 41; i < LINES; i += 311)
			assert_entry(&orc, lines[i].ip, &lines[i].entry);
		assert_entry(&orc, lines[LINES - 1].ip, &lines[LINES - 1].entry);
		assert_entry(&orc, UINT64_MAX, &lines[LINES - 1].entry);
	}
}

// The kernel's own search takes the last of several lines with one address, and so does this one.
static void of_two_at_one_address_the_last_counts(void **state)
{
	struct lb_orc orc;
	struct lb_error err;

	(void)state;
	lines[400].ip = lines[401].ip;
	write_tables(ORC_6_4);
	assert_int_equal(lb_orc_open(&orc, &mem, &table, &err), 0);
	assert_entry(&orc, lines[400].ip, &lines[401].entry);
}

static void nothing_lies_before_the_first(void **state)
{
	struct lb_orc_table empty = {VIRT + IPS, VIRT + ENTRIES, 0};
	struct lb_orc_entry found;
	struct lb_error err;
	struct lb_orc orc;

	(void)state;
	write_tables(ORC_5_10);
	assert_int_equal(lb_orc_open(&orc, &mem, &table, &err), 0);
	assert_false(lb_orc_find(&orc, &mem, &table, lines[0].ip - 1, &found));
	assert_false(lb_orc_find(&orc, &mem, &empty, lines[0].ip, &found));
}

static void assert_refused(const char *words)
{
	struct lb_error err = {""};
	struct lb_orc orc;

	lb_deadmem_open(&mem, &machine->dead);
	assert_int_equal(lb_orc_open(&orc, &mem, &table, &err), -1);
	if (!strstr(err.text, words))
		fail_msg("'%s' does not say '%s'", err.text, words);
}

static void a_table_that_is_none_is_refused(void **state)
{
	(void)state;
	write_tables(ORC_6_4);
	table.count = 0;
	assert_refused("has 0 entries");
	table.count = LB_ORC_ENTRIES_MAX + 1;
	assert_refused("has 8388609 entries");

	lines[20].ip = lines[18].ip;
	write_tables(ORC_6_4);
	assert_refused("is not sorted");
}

static void unknown_numbers_are_refused(void **state)
{
	(void)state;
	// A mix that no kernel has: registers as in 7.x, types as before 6.4.
	write_tables(ORC_7);
	for (uint32_t i = 0; i < LINES; i++)
		*dead_at(machine, ENTRIES + 6 * i + 5) = 0;
	assert_refused("of no known kernel");

	// A mix that no kernel has: SP as in 6.x, PREV_SP as in 7.x.
	write_tables(ORC_6_4);
	for (uint32_t i = 0; i < LINES; i++) {
		uint8_t *at = dead_at(machine, ENTRIES + 6 * i + 4);

		if (*at >> 4 == 1)
			*at = (uint8_t)(*at & 15) | 8 << 4;
	}
	assert_refused("SP 5, BP's base 8, type 2");

	write_tables(ORC_6_4);
	memset(dead_at(machine, ENTRIES), 0, 6 * LINES);
	assert_refused("of no known kernel");
	memset(dead_at(machine, ENTRIES), 0xff, 6 * LINES);
	assert_refused("of no known kernel");
}

static void what_cannot_be_read_is_said(void **state)
{
	struct lb_orc_entry found;
	struct lb_error err;
	struct lb_orc orc;

	(void)state;
	write_tables(ORC_6_4);
	assert_int_equal(lb_orc_open(&orc, &mem, &table, &err), 0);
	dead_unmap(machine, VIRT + ENTRIES);
	assert_refused("entry 0 of the table at 0xffffffff82080002 cannot be read");
	assert_false(lb_orc_find(&orc, &mem, &table, lines[0].ip, &found));
	dead_unmap(machine, VIRT + IPS + 4 * LINES / 2);
	assert_refused("cannot be read");
	assert_false(lb_orc_find(&orc, &mem, &table, lines[0].ip, &found));
}

// Few pages are read, even for a table of Debian's largest size.
static void few_pages_are_read(void **state)
{
	struct lb_orc_entry found;
	struct lb_error err;
	struct lb_orc orc;

	(void)state;
	write_tables(ORC_6_4);
	machine->pages_read = 0;
	assert_int_equal(lb_orc_open(&orc, &mem, &table, &err), 0);
	assert_true(machine->pages_read < 257 * 2 * 8);
	machine->pages_read = 0;
	assert_true(lb_orc_find(&orc, &mem, &table, lines[LINES / 3].ip, &found));
	assert_true(machine->pages_read < 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_encoding_is_read),
		TEST(of_two_at_one_address_the_last_counts),
		TEST(nothing_lies_before_the_first),
		TEST(a_table_that_is_none_is_refused),
		TEST(unknown_numbers_are_refused),
		TEST(what_cannot_be_read_is_said),
		TEST(few_pages_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
