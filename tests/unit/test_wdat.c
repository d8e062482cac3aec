// SPDX-License-Identifier: BSD-2-Clause
// The ACPI table WDAT: which steps stop the watchdog, and tables whose steps cannot be followed.
#include "acpi_made.h"
#include "crash/plan/wdat.h"

static struct lb_wdat wdat;

static int read_wdat(const void *table, uint64_t bytes, struct lb_error *err)
{
	int status;

	POISON(wdat);
	status = lb_wdat_read(table, bytes, &wdat, err);
	if (status != 0)
		assert_poisoned(&wdat, sizeof(wdat));
	return status;
}

static struct made made_wdat(uint8_t flags)
{
	struct made made = made_table("WDAT", 68);

	put(&made, 36, 32, 4);
	put(&made, 60, flags, 1);
	seal(&made);
	return made;
}

struct row {
	uint8_t action, instruction, space, bits, offset, access;
	uint64_t address;
	uint32_t value, mask;
};

static void add(struct made *made, const struct row *row)
{
	const uint32_t at = extend(made, 24);
	uint32_t count;

	memset(made->bytes + at, 0, 24);
	put(made, at, row->action, 1);
	put(made, at + 1, row->instruction, 1);
	put(made, at + 4, row->space, 1);
	put(made, at + 5, row->bits, 1);
	put(made, at + 6, row->offset, 1);
	put(made, at + 7, row->access, 1);
	put(made, at + 8, row->address, 8);
	put(made, at + 16, row->value, 4);
	put(made, at + 20, row->mask, 4);
	memcpy(&count, made->bytes + 64, 4);
	put(made, 64, count + 1, 4);
	seal(made);
}

// A table for a chipset with a TCO timer: reload, status, running. Bit 11 is "stopped".
static struct made made_tco(void)
{
	static const struct row rows[] = {
		{0x01, 0x02, 1, 16, 0, 2, 0x460, 1, 1},  {0x0a, 0x00, 1, 16, 11, 2, 0x468, 1, 1},
		{0x08, 0x00, 1, 16, 11, 2, 0x468, 0, 1}, {0x0b, 0x82, 1, 16, 11, 2, 0x468, 1, 1},
		{0x09, 0x82, 1, 16, 11, 2, 0x468, 0, 1}, {0x20, 0x00, 1, 16, 1, 2, 0x466, 1, 1},
	};
	struct made made = made_wdat(1);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		add(&made, &rows[i]);
	return made;
}

static void test_good(void **state)
{
	struct made made = made_tco();

	(void)state;
	assert_reads(read_wdat, &made);
	assert_string_equal(wdat.unstoppable.text, "");
	assert_int_equal(wdat.count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(wdat.step[i].address, 0x468);
		assert_int_equal(wdat.step[i].port, 1);
		assert_int_equal(wdat.step[i].bytes, 2);
		assert_int_equal(wdat.step[i].shift, 11);
		assert_int_equal(wdat.step[i].value, 1);
		assert_int_equal(wdat.step[i].mask, 1);
		assert_int_equal(wdat.step[i].write, i == 0); // the step that stops comes first
		assert_int_equal(wdat.step[i].preserve, i == 0);
	}
	made.bytes[60] = 0x80; // disabled at boot, and stopped while the machine sleeps
	seal(&made);
	assert_reads(read_wdat, &made);
	assert_int_equal(wdat.count, 0);
	assert_string_equal(wdat.unstoppable.text, "");
}

// Without an access width the register's width is used.
static void test_widths(void **state)
{
	static const struct {
		uint8_t bits, access, bytes;
	} widths[] = {{8, 0, 1}, {1, 0, 1}, {16, 0, 2}, {32, 0, 4}, {8, 3, 4}, {32, 1, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		const struct row row = {0x0b, 2, 0, widths[i].bits, 0, widths[i].access, 0xfed00000, 0, 1};
		struct made made = made_wdat(1);

		add(&made, &row);
		assert_reads(read_wdat, &made);
		assert_int_equal(wdat.count, 1);
		assert_int_equal(wdat.step[0].bytes, widths[i].bytes);
		assert_int_equal(wdat.step[0].port, 0);
	}
}

static void test_unstoppable(void **state)
{
	static const struct {
		struct row row;
		const char *why;
	} wrong[] = {
		{{0x01, 0x02, 1, 16, 0, 2, 0x460, 1, 1}, "it has no action that stops it (0xb)"},
		{{0x0b, 0x02, 2, 16, 0, 2, 0x460, 1, 1},
		 "its registers are in space 2, wanted memory or I/O"},
		{{0x0b, 0x03, 1, 16, 0, 2, 0x460, 1, 1}, "action 0xb has instruction 0x3"},
		{{0x0b, 0x00, 1, 16, 0, 2, 0x460, 1, 1}, "action 0xb has instruction 0x0"},
		{{0x0b, 0x02, 1, 64, 0, 0, 0x460, 1, 1},
		 "a register has width 0 and its field begins at bit 0"},
		{{0x0b, 0x02, 1, 64, 0, 4, 0x460, 1, 1}, "a register has width 4"},
		{{0x0b, 0x02, 1, 16, 0, 255, 0x460, 1, 1}, "a register has width 255"},
		{{0x0b, 0x02, 1, 16, 16, 2, 0x460, 1, 1}, "its field begins at bit 16"},
		{{0x0b, 0x02, 1, 16, 0, 2, 0x461, 1, 1}, "a register of 2 bytes is at 0x461"},
		{{0x0b, 0x02, 1, 16, 0, 2, 0x10000, 1, 1}, "a register of 2 bytes is at 0x10000"},
		{{0x0b, 0x02, 0, 32, 0, 3, 0, 1, 1}, "a register of 4 bytes is at 0x0"},
	};
	struct made made;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		made = made_wdat(1);
		add(&made, &wrong[i].row);
		assert_reads(read_wdat, &made);
		assert_int_equal(wdat.count, 0);
		if (!strstr(wdat.unstoppable.text, wrong[i].why))
			fail_msg("\"%s\" does not say \"%s\"", wdat.unstoppable.text, wrong[i].why);
	}
	made = made_tco(); // the step that reads is wrong, so the state would not be known
	made.bytes[68 + 24 + 1] = 1;
	seal(&made);
	assert_reads(read_wdat, &made);
	assert_int_equal(wdat.count, 0);
	assert_non_null(strstr(wdat.unstoppable.text, "action 0xa has instruction 0x1"));
}

static void test_counts(void **state)
{
	const struct row row = {0x0b, 2, 1, 8, 0, 1, 0x441, 0, 0xff};
	struct made made = made_wdat(1);

	(void)state;
	for (uint32_t i = 0; i < LB_MAX_WDAT_STEPS; i++)
		add(&made, &row);
	assert_reads(read_wdat, &made);
	assert_int_equal(wdat.count, LB_MAX_WDAT_STEPS);
	add(&made, &row);
	assert_reads(read_wdat, &made);
	assert_int_equal(wdat.count, 0);
	assert_non_null(strstr(wdat.unstoppable.text, "more than 8 steps"));
	made = made_tco();
	put(&made, 64, 7, 4);
	seal(&made);
	assert_reads(read_wdat, &made);
	assert_int_equal(wdat.count, 0);
	assert_non_null(strstr(wdat.unstoppable.text, "it says it has 7 entries, and has room for 6"));
	put(&made, 64, UINT32_MAX, 4);
	seal(&made);
	assert_reads(read_wdat, &made);
	assert_int_equal(wdat.count, 0);
}

static void test_header(void **state)
{
	struct made made = made_tco();

	(void)state;
	check_header(read_wdat, &made, "WDAT", 68);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),        cmocka_unit_test(test_widths),
		cmocka_unit_test(test_unstoppable), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
