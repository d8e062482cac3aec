// SPDX-License-Identifier: BSD-2-Clause
#include "crash/bare/pci_bridges.c"

#include "config_space.h"
#include "unit.h"

static const struct lb_pci_config config;

static int forget(void **state)
{
	(void)state;
	config_reset();
	return 0;
}

static void assert_bridges(struct lb_pci_address at, const uint16_t *wanted, uint32_t count)
{
	uint16_t bridges[LB_MAX_BRIDGES];
	struct lb_error err;

	memset(bridges, 0xff, sizeof(bridges));
	assert_int_equal(lb_pci_bridges(&config, at, bridges, &err), 0);
	for (uint32_t i = 0; i < LB_MAX_BRIDGES; i++)
		assert_int_equal(bridges[i], i < count ? wanted[i] : 0);
}

static void test_paths(void **state)
{
	(void)state;
	config_add(0, 0, 0)->registers[LB_PCI_HEADER / 4] = 0;
	// No bridge, but the device has several functions.
	config_add(0, 0x1c, 0)->registers[LB_PCI_HEADER / 4] = 0x00800000;
	config_add_bridge(0, 0x1c, 4, 1);
	config_add_bridge(1, 0, 0, 2);
	config_add_bridge(2, 3, 0, 9);
	config_add_bridge(0, 0x1d, 0, 5);
	assert_bridges((struct lb_pci_address){.bus = 0, .device = 4}, NULL, 0);
	assert_int_equal(config_selects, 0);
	assert_bridges((struct lb_pci_address){.bus = 9, .device = 1}, (uint16_t[]){0x00e4, 0x0100, 0x0218},
		       3);
	assert_bridges((struct lb_pci_address){.bus = 5}, (uint16_t[]){0x00e8}, 1);
	// Bus 0x80 is below another root, and no bridge leads there.
	assert_bridges((struct lb_pci_address){.bus = 0x80, .device = 1}, NULL, 0);
	// On a device of one function, function 4 may be function 0 once more, so it is not asked.
	config_functions[1].registers[LB_PCI_HEADER / 4] = 0;
	assert_bridges((struct lb_pci_address){.bus = 1}, NULL, 0);
}

// A bridge that leads to its own bus or to a lower one is ignored.
static void test_bridges_that_lie(void **state)
{
	(void)state;
	config_add_bridge(0, 1, 0, 3);
	config_add_bridge(3, 0, 0, 3);
	config_add_bridge(3, 1, 0, 2);
	assert_bridges((struct lb_pci_address){.bus = 3}, (uint16_t[]){0x0008}, 1);
	config_functions[0].registers[LB_PCI_ID / 4] = LB_PCI_ID_RETRY;
	assert_bridges((struct lb_pci_address){.bus = 3}, NULL, 0);
}

static void test_too_many(void **state)
{
	uint16_t bridges[LB_MAX_BRIDGES] = {7};
	struct lb_error err;

	(void)state;
	for (uint8_t i = 0; i < LB_MAX_BRIDGES; i++)
		config_add_bridge(i, 1, 0, i + 1);
	assert_bridges((struct lb_pci_address){.bus = LB_MAX_BRIDGES},
		       (uint16_t[]){0x0008, 0x0108, 0x0208, 0x0308, 0x0408, 0x0508, 0x0608, 0x0708}, 8);
	config_add_bridge(LB_MAX_BRIDGES, 1, 0, LB_MAX_BRIDGES + 1);
	assert_int_equal(
		lb_pci_bridges(&config, (struct lb_pci_address){.bus = LB_MAX_BRIDGES + 1}, bridges, &err),
		-1);
	assert_string_equal(err.text, "it is behind more than 8 PCI bridges");
	assert_int_equal(bridges[0], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_paths, forget),
		cmocka_unit_test_setup(test_bridges_that_lie, forget),
		cmocka_unit_test_setup(test_too_many, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
