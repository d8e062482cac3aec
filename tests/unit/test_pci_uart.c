// SPDX-License-Identifier: BSD-2-Clause
#include "crash/bare/pci_uart.c"

#include "config_space.h"
#include "crash/bare/pci_registers.c"
#include "unit.h"

static struct config_function *one;
static struct lb_pci_space space;

static int make(void **state)
{
	(void)state;
	config_reset();
	one = config_add(0, 4, 0);
	*config_register(one, LB_PCI_CLASS) = 0x07000201; // as QEMU's pci-serial has it
	*config_register(one, LB_PCI_COMMAND) = 0x3;
	*config_register(one, LB_PCI_BAR0) = 0xc041;
	space = lb_pci_select(NULL, one->at);
	return 0;
}

static void assert_is(uint32_t type, uint64_t address)
{
	struct lb_console console = {.reserved = 1};
	struct lb_error err = {""};

	if (lb_pci_uart(&space, &console, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(console.type, type);
	assert_int_equal(console.address, address);
	assert_int_equal(console.reserved, 0);
}

static void assert_none(const char *says)
{
	struct lb_console console = {.type = 77};
	struct lb_error err;

	assert_int_equal(lb_pci_uart(&space, &console, &err), -1);
	assert_string_equal(err.text, says);
	assert_int_equal(console.type, 77);
}

static void test_cards(void **state)
{
	(void)state;
	assert_is(LB_CONSOLE_PORT, 0xc040);
	*config_register(one, LB_PCI_CLASS) = 0x07020000;
	*config_register(one, LB_PCI_BAR0) = 0xfe000000;
	assert_is(LB_CONSOLE_MMIO, 0xfe000000);
	*config_register(one, LB_PCI_BAR0) = 0xfe000004;
	*config_register(one, LB_PCI_BAR0 + 4) = 0x80;
	assert_is(LB_CONSOLE_MMIO, 0x80fe000000);
}

// Firmware without a driver for the UART gave it an address and did not enable it.
static void test_switched_off(void **state)
{
	(void)state;
	*config_register(one, LB_PCI_COMMAND) = 0xffb00402;
	assert_is(LB_CONSOLE_PORT, 0xc040);
	assert_int_equal(*config_register(one, LB_PCI_COMMAND), 0xffb00403);
	*config_register(one, LB_PCI_BAR0) = 0xfe000000;
	*config_register(one, LB_PCI_COMMAND) = 0xffb00401;
	assert_is(LB_CONSOLE_MMIO, 0xfe000000);
	assert_int_equal(*config_register(one, LB_PCI_COMMAND), 0xffb00403);
}

static void test_others(void **state)
{
	(void)state;
	*config_register(one, LB_PCI_BAR0) = 1;
	assert_none("BAR 0 has no address");
	*config_register(one, LB_PCI_BAR0) = 0;
	assert_none("BAR 0 has no address: it was never set, or lost in sleep");
	*config_register(one, LB_PCI_CLASS) = 0x07030000;
	assert_none("its PCI class is 0x0703, wanted a serial card's, 0x0700 or 0x0702");
	config_reset();
	assert_none("nothing answers there");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_cards, make),
		cmocka_unit_test_setup(test_switched_off, make),
		cmocka_unit_test_setup(test_others, make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
