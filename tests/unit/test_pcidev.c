// SPDX-License-Identifier: BSD-2-Clause
// Wakes functions and bridges that the dead kernel put to sleep. Access to configuration space is tested in
// tests/unit/test_pci_config.c.
#include "crash/bare/pci_registers.c"
#include "crash/platform/pcidev.c"

#include "capture_platform.h"
#include "config_space.h"
#include "unit.h"

#define ASLEEP 0x8003 // D3hot, and an event bit that a 1 would clear
#define AWAKE 0x8000

static int forget(void **state)
{
	(void)state;
	capture_reset();
	config_reset();
	return 0;
}

static uint32_t *reg(struct config_function *one, uint32_t at)
{
	return config_register(one, at);
}

static void put_to_sleep(struct config_function *one)
{
	*reg(one, CONFIG_POWER + 4) = ASLEEP;
}

static struct config_function *add_disk(uint8_t bus)
{
	struct config_function *disk = config_add(bus, 0, 0);

	*reg(disk, LB_PCI_BAR0) = 0xfe000004;
	*reg(disk, LB_PCI_BAR0 + 4) = 0x12;
	*reg(disk, CONFIG_EXPRESS + 8) = 0x00032850; // packets of 512 bytes; status bits
	return disk;
}

static void test_a_function_that_sleeps(void **state)
{
	struct config_function *disk = add_disk(0);
	struct lb_error err;
	uint64_t phys;

	(void)state;
	put_to_sleep(disk);
	lb_pcidev_enable(disk->at, true);
	assert_int_equal(*reg(disk, CONFIG_POWER + 4), AWAKE); // the event bit was not cleared
	assert_in_range(lb_clock_ms(), 10, 20);
	assert_int_equal(*reg(disk, LB_PCI_COMMAND), 0xffb00406);
	assert_int_equal(*reg(disk, CONFIG_EXPRESS + 8), 0x00002850);
	assert_int_equal(lb_pcidev_bar(disk->at, 0, &phys, &err), 0);
	assert_int_equal(phys, 0x12fe000000);
	lb_pcidev_enable(disk->at, false);
	assert_int_equal(*reg(disk, LB_PCI_COMMAND), 0xffb00402);
	assert_in_range(lb_clock_ms(), 10, 20); // a wake takes 10 ms
}

// Two bridges and the disk sleep. At first only the topmost bridge answers.
static void test_bridges_that_sleep(void **state)
{
	struct config_function *port = config_add_bridge(0, 0x1c, 4, 1),
			       *below = config_add_bridge(1, 0, 0, 2);
	struct config_function *disk = add_disk(2);
	struct lb_target target = {.pci = disk->at, .bridges = {0x00e4, 0x0100}};
	struct lb_error err = {""};

	(void)state;
	*reg(port, LB_PCI_WINDOW_IO) = 0xa0002121; // status bits in the upper half
	*reg(port, 0x20) = 0xfe10fe00;
	*reg(port, 0x24) = 0x1ff11001;
	*reg(port, 0x28) = 0x12;
	*reg(port, 0x2c) = 0x13;
	*reg(port, LB_PCI_BRIDGE_CONTROL) = 0x0413010b; // with a status bit
	*reg(below, 0x20) = 0xfe00fe00;
	put_to_sleep(port);
	put_to_sleep(below);
	put_to_sleep(disk);
	assert_int_equal(lb_pcidev_read(disk->at, LB_PCI_ID), UINT32_MAX);
	if (lb_pcidev_wake_above(&target, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(*reg(port, LB_PCI_BUSES), 0x00ff0100);
	assert_int_equal(*reg(port, LB_PCI_WINDOW_IO) & 0xffff, 0x2121);
	assert_int_equal(*reg(port, 0x20), 0xfe10fe00);
	assert_int_equal(*reg(port, 0x24), 0x1ff11001);
	assert_int_equal(*reg(port, 0x28), 0x12);
	assert_int_equal(*reg(port, 0x2c), 0x13);
	assert_int_equal(*reg(port, LB_PCI_BRIDGE_CONTROL), 0x0013010b);
	assert_int_equal(*reg(port, LB_PCI_COMMAND) & 0xffff, 6); // memory and bus mastering
	assert_int_equal(*reg(below, 0x20), 0xfe00fe00);
	assert_int_equal(lb_pcidev_read(disk->at, LB_PCI_ID), 0x12348086);
	assert_in_range(lb_clock_ms(), 220, 240);
	assert_string_equal(capture_said(), "0000:00:1c.4: the bridge slept, and is woken\n"
					    "0000:01:00.0: the bridge slept, and is woken\n");
}

static void test_bridges_that_are_awake(void **state)
{
	struct config_function *port = config_add_bridge(0, 0x1c, 4, 1);
	struct config_function *disk = add_disk(1);
	struct lb_target target = {.pci = disk->at, .bridges = {0x00e4}};
	struct lb_error err;

	(void)state;
	*reg(port, LB_PCI_WINDOW_IO) = 0xa0002121;
	*reg(port, LB_PCI_COMMAND) = 0xffb00000; // forwarding is off
	assert_int_equal(lb_pcidev_wake_above(&target, &err), 0);
	assert_int_equal(*reg(port, LB_PCI_COMMAND), 0xffb00006);
	assert_int_equal(*reg(port, LB_PCI_WINDOW_IO), 0xa0002121);
	assert_int_equal(lb_clock_ms(), 0);
	assert_string_equal(capture_said(), "");
	// Without a bridge above it nothing is asked.
	target.bridges[0] = 0;
	config_selects = 0;
	assert_int_equal(lb_pcidev_wake_above(&target, &err), 0);
	assert_int_equal(config_selects, 0);
}

static void test_bridges_that_are_gone(void **state)
{
	struct config_function *port = config_add_bridge(0, 0x1c, 4, 1);
	struct lb_target target = {.bridges = {0x00e4, 0x0200}};
	struct lb_error err;

	(void)state;
	assert_int_equal(lb_pcidev_wake_above(&target, &err), -1);
	assert_string_equal(err.text, "the bridge 0000:02:00.0 above it does not answer");
	*reg(port, LB_PCI_HEADER) = 0;
	assert_int_equal(lb_pcidev_wake_above(&target, &err), -1);
	assert_string_equal(err.text, "0000:00:1c.4 above it is no bridge any more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_function_that_sleeps, forget),
		cmocka_unit_test_setup(test_bridges_that_sleep, forget),
		cmocka_unit_test_setup(test_bridges_that_are_awake, forget),
		cmocka_unit_test_setup(test_bridges_that_are_gone, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
