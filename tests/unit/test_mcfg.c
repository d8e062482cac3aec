// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/mcfg.h"

static struct lb_mcfg mcfg;
static struct lb_error left_out;

static int read_mcfg(const void *table, uint64_t bytes, struct lb_error *err)
{
	int status;

	POISON(mcfg);
	POISON(left_out);
	status = lb_mcfg_read(table, bytes, &mcfg, &left_out, err);
	if (status != 0) {
		assert_poisoned(&mcfg, sizeof(mcfg));
		assert_poisoned(&left_out, sizeof(left_out));
	}
	return status;
}

static void add(struct made *made, uint64_t base, uint16_t segment, uint8_t first, uint8_t last)
{
	uint32_t at = extend(made, 16);

	put(made, at, base, 8);
	put(made, at + 8, segment, 2);
	put(made, at + 10, first, 1);
	put(made, at + 11, last, 1);
}

static void check(uint32_t at, uint64_t phys, uint16_t segment, uint8_t first, uint8_t last)
{
	assert_true(at < mcfg.count);
	assert_int_equal(mcfg.ecam[at].phys, phys);
	assert_int_equal(mcfg.ecam[at].segment, segment);
	assert_int_equal(mcfg.ecam[at].bus_first, first);
	assert_int_equal(mcfg.ecam[at].bus_last, last);
	assert_int_equal(mcfg.ecam[at].reserved, 0);
}

static void test_good(void **state)
{
	struct made made = made_table("MCFG", 44);

	(void)state;
	seal(&made);
	assert_reads(read_mcfg, &made);
	assert_int_equal(mcfg.count, 0);
	add(&made, 0xe0000000, 0, 0, 255); // as QEMU has it
	add(&made, 0x3fff00000000, 1, 5, 5);
	add(&made, 0xe0000000, 0, 0, 255); // the same entry again, whose functions are quieted twice
	seal(&made);
	assert_reads(read_mcfg, &made);
	assert_int_equal(mcfg.count, 3);
	check(0, 0xe0000000, 0, 0, 255);
	check(1, 0x3fff00000000, 1, 5, 5);
	check(2, 0xe0000000, 0, 0, 255);
	assert_string_equal(left_out.text, "");
	extend(&made, 15); // not enough bytes for an entry
	seal(&made);
	assert_reads(read_mcfg, &made);
	assert_int_equal(mcfg.count, 3);
	assert_string_equal(left_out.text, "");
}

static void test_header(void **state)
{
	struct made made = made_table("MCFG", 44);

	(void)state;
	add(&made, 0xe0000000, 0, 0, 255);
	seal(&made);
	check_header(read_mcfg, &made, "MCFG", 44);
}

static void test_left_out(void **state)
{
	struct made made = made_table("MCFG", 44);

	(void)state;
	add(&made, 0xe0000000, 0, 0, 15);
	add(&made, 0xf0000000, 1, 16, 15);
	add(&made, 0xf0001000, 2, 0, 15);
	add(&made, 0x100000, 3, 16, 31);
	seal(&made);
	assert_reads(read_mcfg, &made);
	assert_int_equal(mcfg.count, 2);
	check(0, 0xe0000000, 0, 0, 15);
	check(1, 0x100000, 3, 16, 31);
	assert_string_equal(left_out.text,
			    "ACPI table MCFG: entry 1 has buses 16 to 15 at 0xf0000000, wanted them in order "
			    "and their space aligned to 1 MiB; such entries are left out");
	put(&made, 44 + 16 + 10, 0, 1);
	seal(&made);
	assert_reads(read_mcfg, &made);
	assert_int_equal(mcfg.count, 3);
	assert_non_null(strstr(left_out.text, "entry 2 has buses 0 to 15 at 0xf0001000, wanted "));
}

static void test_many(void **state)
{
	struct made made = made_table("MCFG", 44);

	(void)state;
	for (uint32_t i = 0; i < LB_MAX_ECAM; i++)
		add(&made, 0x100000000 + i * LB_MIB, (uint16_t)i, 0, 0);
	seal(&made);
	assert_reads(read_mcfg, &made);
	assert_int_equal(mcfg.count, LB_MAX_ECAM);
	check(LB_MAX_ECAM - 1, 0x100000000 + (LB_MAX_ECAM - 1) * LB_MIB, LB_MAX_ECAM - 1, 0, 0);
	assert_string_equal(left_out.text, "");
	add(&made, 0x200000000, 1000, 0, 0);
	seal(&made);
	assert_reads(read_mcfg, &made);
	assert_int_equal(mcfg.count, LB_MAX_ECAM);
	assert_string_equal(left_out.text,
			    "ACPI table MCFG: entry 48 is one more than 48; the rest is not used");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
