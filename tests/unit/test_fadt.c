// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/fadt.h"

static struct lb_fadt fadt;

static int read_fadt(const void *table, uint64_t bytes, struct lb_error *err)
{
	int status;

	POISON(fadt);
	status = lb_fadt_read(table, bytes, &fadt, err);
	if (status != 0)
		assert_poisoned(&fadt, sizeof(fadt));
	return status;
}

// Makes a FADT with the fields of ACPI 1.0.
static struct made made_fadt(uint32_t bytes, uint32_t dsdt, uint32_t pm1a, uint32_t pm1b)
{
	struct made made = made_table("FACP", bytes);

	put(&made, 40, dsdt, 4);
	put(&made, 64, pm1a, 4);
	put(&made, 68, pm1b, 4);
	seal(&made);
	return made;
}

static void put_wide(struct made *made, uint32_t at, uint8_t space, uint64_t address)
{
	put(made, at, space, 1);
	put(made, at + 4, address, 8);
	seal(made);
}

static void check(struct made *made, uint16_t pm1a, uint16_t pm1b, uint64_t dsdt)
{
	assert_reads(read_fadt, made);
	assert_int_equal(fadt.pm1a, pm1a);
	assert_int_equal(fadt.pm1b, pm1b);
	assert_int_equal(fadt.dsdt, dsdt);
}

static void test_narrow(void **state)
{
	struct made made = made_fadt(116, 0x7f77c000, 0x604, 0);

	(void)state;
	check(&made, 0x604, 0, 0x7f77c000);
	made = made_fadt(276, 0x7f77c000, 0x604, 0x1604); // the 64-bit fields are 0
	check(&made, 0x604, 0x1604, 0x7f77c000);
	made = made_fadt(116, 0, 0x10000, 0xffff); // the first number is too large for a port
	check(&made, 0, 0xffff, 0);
}

static void test_wide(void **state)
{
	struct made made = made_fadt(244, 0x1000, 0x604, 0x608);

	(void)state;
	put(&made, 140, 0x123456789000, 8);
	put_wide(&made, 172, 1, 0x1804);
	put_wide(&made, 184, 1, 0x1808);
	check(&made, 0x1804, 0x1808, 0x123456789000);
	put_wide(&made, 172, 0, 0xfed08004); // the register is in memory
	put_wide(&made, 184, 1, 0x10000);
	check(&made, 0, 0, 0x123456789000);
}

// A table that ends within the 64-bit fields has none of them.
static void test_truncated(void **state)
{
	struct made made = made_fadt(196, 0x1000, 0x604, 0x608);

	(void)state;
	put(&made, 140, 0x123456789000, 8);
	put_wide(&made, 172, 1, 0x1804);
	put_wide(&made, 184, 1, 0x1808);
	for (made.used = 116; made.used < 196; made.used++) {
		seal(&made);
		check(&made, 0x604, 0x608, 0x1000);
	}
	seal(&made);
	check(&made, 0x1804, 0x1808, 0x123456789000);
}

static void test_header(void **state)
{
	struct made made = made_fadt(244, 0x1000, 0x604, 0x608);

	(void)state;
	check_header(read_fadt, &made, "FACP", 116);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
