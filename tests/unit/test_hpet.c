// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/hpet.h"

static uint64_t phys;

static int read_hpet(const void *table, uint64_t bytes, struct lb_error *err)
{
	int status;

	POISON(phys);
	status = lb_hpet_read(table, bytes, &phys, err);
	if (status != 0)
		assert_poisoned(&phys, sizeof(phys));
	return status;
}

static struct made made_hpet(uint8_t space, uint64_t base)
{
	struct made made = made_table("HPET", 56);

	put(&made, 36, 0x8086a201, 4);
	put(&made, 40, space, 1);
	put(&made, 44, base, 8);
	seal(&made);
	return made;
}

static void test_good(void **state)
{
	struct made made = made_hpet(0, 0xfed00000);

	(void)state;
	assert_reads(read_hpet, &made);
	assert_int_equal(phys, 0xfed00000);
	made = made_hpet(0, 0x123456789abcdef0);
	assert_reads(read_hpet, &made);
	assert_int_equal(phys, 0x123456789abcdef0);
	made = made_hpet(1, 0xfed0); // the registers are I/O ports
	assert_reads(read_hpet, &made);
	assert_int_equal(phys, 0);
	made = made_hpet(0, 0);
	assert_reads(read_hpet, &made);
	assert_int_equal(phys, 0);
}

static void test_header(void **state)
{
	struct made made = made_hpet(0, 0xfed00000);

	(void)state;
	check_header(read_hpet, &made, "HPET", 52);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
