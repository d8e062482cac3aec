// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/target_function.c"

#include "config_space.h"
#include "crash/bare/pci_registers.c"
#include "unit.h"

#define CAPS 0x80 // three capabilities of a virtio device, 32 bytes apart

static struct config_function *one;
static struct lb_pci_space space;
static struct lb_target target;

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

static void make_kind(uint32_t kind, uint32_t id, uint32_t class)
{
	make(NULL);
	*reg(LB_PCI_ID) = id;
	*reg(LB_PCI_CLASS) = class << 8 | 2;
	target = (struct lb_target){.kind = kind, .pci_id = id};
}

static void assert_fits(void)
{
	struct lb_error err = {""};

	if (lb_target_function_check(&space, &target, &err) != 0)
		fail_msg("%s", err.text);
}

static void assert_not(const char *says)
{
	struct lb_error err;

	assert_int_equal(lb_target_function_check(&space, &target, &err), -1);
	assert_string_equal(err.text, says);
}

static void test_whose_registers_are_in_a_bar(void **state)
{
	(void)state;
	make_kind(LB_TARGET_NVME, 0x00101b36, 0x010802);
	*reg(0x10) = 0xfebf0004;
	assert_fits();
	*reg(0x10) = 0xc001;
	assert_not("its controller, by the PCI ports: BAR 0 is I/O space (0xc001), not memory");
	make_kind(LB_TARGET_AHCI, 0x29228086, 0x010601);
	*reg(0x24) = 0xfebf0000;
	assert_fits();
	*reg(0x24) = 0;
	assert_not(
		"its controller, by the PCI ports: BAR 5 has no address: it was never set, or lost in sleep");
	make_kind(LB_TARGET_PVSCSI, 0x07c015ad, 0x010700);
	assert_not("its controller, by the PCI ports: none of its BARs is memory that has an address");
	*reg(0x10) = 0xc001;
	*reg(0x14) = 0xfebf0000;
	assert_fits();
}

// The firmware's view and configuration space differ: a wrong MCFG, another interface, nothing there.
static void test_another_function(void **state)
{
	static uint32_t page[LB_PCI_SPACE_ECAM / 4];

	(void)state;
	make_kind(LB_TARGET_NVME, 0x00101b36, 0x010802);
	*reg(0x10) = 0xfebf0004;
	target.pci_id = 0x00111b36;
	space.ecam = page; // access by ECAM, which messages name
	assert_not("its controller, by ECAM: PCI ID is 0x101b36, the target was chosen with 0x111b36");
	target.pci_id = 0x00101b36;
	*reg(LB_PCI_CLASS) = 0x01080302;
	assert_not("its controller, by ECAM: PCI class is 0x10803, wanted 0x10802");
	config_reset();
	assert_not("its controller, by ECAM: nothing answers there");
}

static void put_group(uint32_t index, uint8_t type, uint8_t bar)
{
	*reg(CAPS + 32 * index) = (uint32_t)type << 24 | (index < 3 ? CAPS + 32 * (index + 1) : 0) << 8 | 9;
	*reg(CAPS + 32 * index + 4) = bar;
}

static void test_virtio(void **state)
{
	(void)state;
	make_kind(LB_TARGET_VIRTIO_SCSI, 0x10481af4, 0x010000);
	assert_not("its controller, by the PCI ports: it is a virtio device of the legacy interface only: "
		   "its common "
		   "registers have no capability");
	*reg(LB_PCI_CAPABILITIES) = CAPS;
	*reg(0x10) = 0xc001;
	*reg(0x20) = 0xfe000004;
	*reg(0x24) = 1;
	put_group(0, 1, 0); // in I/O space
	put_group(1, 1, 4); // the same registers in memory
	put_group(2, 2, 4);
	put_group(3, 4, 4);
	assert_fits();
	put_group(3, 4, 0);
	assert_not("its controller, by the PCI ports: its device registers are in no memory space");
	put_group(3, 4, 6); // no such BAR
	assert_not("its controller, by the PCI ports: its device registers are in no memory space");
	put_group(1, 3, 4);
	assert_not("its controller, by the PCI ports: its common registers are in no memory space");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_whose_registers_are_in_a_bar, make),
		cmocka_unit_test_setup(test_another_function, make),
		cmocka_unit_test_setup(test_virtio, make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
