// SPDX-License-Identifier: BSD-2-Clause
#include "crash/bare/pci_registers.c"

#include "config_space.h"
#include "unit.h"

static struct config_function *one;
static struct lb_pci_space space;

static int make(void **state)
{
	(void)state;
	config_reset();
	one = config_add(0, 3, 0);
	space = lb_pci_select(NULL, one->at);
	return 0;
}

static uint32_t *reg(uint32_t at)
{
	return config_register(one, at);
}

static void assert_bar(unsigned int index, uint64_t wanted)
{
	struct lb_error err = {""};
	uint64_t phys = 0;

	if (lb_pci_bar(&space, index, &phys, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(phys, wanted);
}

static void assert_no_bar(unsigned int index, const char *says)
{
	struct lb_error err;
	uint64_t phys = 1;

	assert_int_equal(lb_pci_bar(&space, index, &phys, &err), -1);
	assert_string_equal(err.text, says);
	assert_int_equal(phys, 1);
}

static void test_bars(void **state)
{
	(void)state;
	*reg(0x10) = 0xfebf0000;
	*reg(0x14) = 0xfe00000c; // 64-bit, prefetchable
	*reg(0x18) = 0x80;
	*reg(0x1c) = 0xc041;
	*reg(0x20) = 0xfe000002;
	*reg(0x24) = 0xfe000004;
	assert_bar(0, 0xfebf0000);
	assert_bar(1, 0x80fe000000);
	assert_no_bar(3, "BAR 3 is I/O space (0xc041), not memory");
	assert_no_bar(4, "BAR 4 is of a reserved type (0xfe000002)");
	// A 64-bit BAR, whose other half would lie behind BAR 5.
	assert_no_bar(5, "BAR 5 is of a reserved type (0xfe000004)");
	assert_no_bar(6, "BAR 6, but a function has 0 to 5");
	*reg(0x10) = 0;
	assert_no_bar(0, "BAR 0 has no address: it was never set, or lost in sleep");
	config_reset();
	assert_no_bar(0, "BAR 0 reads all ones: the function is gone");
}

static void test_capabilities(void **state)
{
	(void)state;
	assert_int_equal(lb_pci_capability(&space, LB_PCI_CAP_EXPRESS, 0), CONFIG_EXPRESS);
	assert_int_equal(lb_pci_capability(&space, LB_PCI_CAP_EXPRESS, CONFIG_EXPRESS), 0);
	assert_int_equal(lb_pci_capability(&space, LB_PCI_CAP_VENDOR, 0), 0);
	*reg(CONFIG_EXPRESS) |= 0x8300; // the two low bits are reserved
	*reg(0x80) = 0x8009; // the capability points to itself
	assert_int_equal(lb_pci_capability(&space, LB_PCI_CAP_VENDOR, 0), 0x80);
	assert_int_equal(lb_pci_capability(&space, LB_PCI_CAP_VENDOR, 0x80), 0x80);
	assert_int_equal(lb_pci_capability(&space, LB_PCI_CAP_MSI, 0), 0);
	*reg(0x80) = 0x0409; // points into the header
	assert_int_equal(lb_pci_capability(&space, LB_PCI_CAP_MSI, 0), 0);
	*reg(0x80) = UINT32_MAX;
	assert_int_equal(lb_pci_capability(&space, 0xff, 0), 0);
	*reg(LB_PCI_COMMAND) &= ~LB_PCI_STATUS_CAPABILITIES;
	assert_int_equal(lb_pci_capability(&space, LB_PCI_CAP_EXPRESS, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bars, make),
		cmocka_unit_test_setup(test_capabilities, make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
