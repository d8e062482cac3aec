// SPDX-License-Identifier: BSD-2-Clause
#include "acpi_made.h"
#include "crash/plan/spcr.h"

static struct lb_console console;

static int read_spcr(const void *table, uint64_t bytes, struct lb_error *err)
{
	int status;

	POISON(console);
	status = lb_spcr_read(table, bytes, &console, err);
	if (status != 0)
		assert_poisoned(&console, sizeof(console));
	return status;
}

static struct made made_spcr(uint8_t interface, uint8_t space, uint8_t bits, uint64_t base)
{
	struct made made = made_table("SPCR", 80);

	put(&made, 36, interface, 1);
	put(&made, 40, space, 1);
	put(&made, 41, bits, 1);
	put(&made, 44, base, 8);
	seal(&made);
	return made;
}

static struct made with_access(struct made made, uint8_t access)
{
	put(&made, 43, access, 1);
	seal(&made);
	return made;
}

static void check(struct made made, uint32_t type, uint64_t address)
{
	assert_reads(read_spcr, &made);
	assert_int_equal(console.type, type);
	assert_int_equal(console.address, address);
	assert_int_equal(console.reserved, 0);
}

static void test_good(void **state)
{
	(void)state;
	check(made_spcr(0x00, 1, 8, 0x3f8), LB_CONSOLE_PORT, 0x3f8); // as QEMU has it
	check(made_spcr(0x01, 1, 0, 0x2f8), LB_CONSOLE_PORT, 0x2f8);
	check(made_spcr(0x12, 1, 32, 0x2f8), LB_CONSOLE_PORT, 0x2f8);
	check(made_spcr(0x12, 0, 8, 0x1fedc9000), LB_CONSOLE_MMIO, 0x1fedc9000);
	check(made_spcr(0x00, 0, 0, 0xfedc9000), LB_CONSOLE_MMIO, 0xfedc9000);
	check(made_spcr(0x00, 0, 32, 0xfedc9000), LB_CONSOLE_MMIO32, 0xfedc9000); // as AMD's FCH has it
	check(with_access(made_spcr(0x12, 0, 8, 0xfedc9000), 1), LB_CONSOLE_MMIO, 0xfedc9000);
	check(with_access(made_spcr(0x12, 0, 8, 0xfedc9000), 3), LB_CONSOLE_MMIO32, 0xfedc9000);
	check(with_access(made_spcr(0x12, 0, 32, 0xfedc9000), 3), LB_CONSOLE_MMIO32, 0xfedc9000);
}

static void test_none(void **state)
{
	(void)state;
	check(made_spcr(0x00, 0, 16, 0xfedc9000), LB_CONSOLE_NONE, 0); // registers two bytes apart
	check(with_access(made_spcr(0x00, 0, 8, 0xfedc9000), 2), LB_CONSOLE_NONE, 0);
	check(with_access(made_spcr(0x00, 0, 8, 0xfedc9000), 4), LB_CONSOLE_NONE, 0);
	check(made_spcr(0x03, 0, 8, 0xfedc9000), LB_CONSOLE_NONE, 0); // a PL011
	check(made_spcr(0x02, 1, 8, 0x3f8), LB_CONSOLE_NONE, 0);
	check(made_spcr(0x00, 2, 8, 0x3f8), LB_CONSOLE_NONE, 0); // in PCI configuration space
	check(made_spcr(0x00, 1, 8, 0), LB_CONSOLE_NONE, 0); // address 0: redirection is off
	check(made_spcr(0x12, 0, 8, 0), LB_CONSOLE_NONE, 0);
	check(made_spcr(0xff, 0xff, 0xff, UINT64_MAX), LB_CONSOLE_NONE, 0);
}

static void test_header(void **state)
{
	struct made made = made_spcr(0x00, 1, 8, 0x3f8);

	(void)state;
	check_header(read_spcr, &made, "SPCR", 52);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
