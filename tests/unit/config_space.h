// SPDX-License-Identifier: BSD-2-Clause
// PCI functions for tests of what uses crash/bare/pci_config.h, whose functions this file replaces. A
// function that sleeps loses its addresses, buses and windows on the way to D0. A function behind a bridge
// that sleeps, or that leads elsewhere, does not answer.
#ifndef LIFEBOAT_TESTS_UNIT_CONFIG_SPACE_H
#define LIFEBOAT_TESTS_UNIT_CONFIG_SPACE_H

#include <string.h>

#include "crash/bare/pci_config.h"
#include "unit.h"

#define CONFIG_FUNCTIONS 16
#define CONFIG_POWER 0x50 // each function has its power management capability here
#define CONFIG_EXPRESS 0x60

struct config_function {
	struct lb_pci_address at;
	uint32_t registers[LB_PCI_SPACE_ECAM / 4];
	bool keeps; // keeps its registers in sleep ("no soft reset")
};

static struct config_function config_functions[CONFIG_FUNCTIONS];
static uint32_t config_count;
static uint32_t config_selects;

static uint32_t *config_register(struct config_function *one, uint32_t reg)
{
	assert_int_equal(reg % 4, 0);
	assert_in_range(reg, 0, LB_PCI_SPACE_ECAM - 4);
	return &one->registers[reg / 4];
}

static bool config_is_bridge(const struct config_function *one)
{
	return (one->registers[LB_PCI_HEADER / 4] >> 16 & 0x7f) == 1;
}

static bool config_sleeps(const struct config_function *one)
{
	return one->registers[CONFIG_POWER / 4 + 1] & 3;
}

// True for bus 0, and for a bus behind a bridge that is awake and can itself be reached.
static bool config_reached(uint8_t bus)
{
	if (bus == 0)
		return true;
	for (uint32_t i = 0; i < config_count; i++) {
		const struct config_function *one = &config_functions[i];

		if (config_is_bridge(one) && (one->registers[0x18 / 4] >> 8 & 0xff) == bus)
			return !config_sleeps(one) && one->at.bus < bus && config_reached(one->at.bus);
	}
	return false;
}

static struct config_function *config_find(struct lb_pci_address at)
{
	for (uint32_t i = 0; i < config_count; i++) {
		struct config_function *one = &config_functions[i];

		if (memcmp(&one->at, &at, sizeof(at)) == 0)
			return config_reached(at.bus) ? one : NULL;
	}
	return NULL;
}

static struct config_function *config_selected(const struct lb_pci_space *space)
{
	return config_find((struct lb_pci_address){.bus = (uint8_t)(space->address >> 16),
						   .device = space->address >> 11 & 0x1f,
						   .function = space->address >> 8 & 7});
}

struct lb_pci_space lb_pci_select(const struct lb_pci_config *from, struct lb_pci_address at)
{
	(void)from;
	config_selects++;
	return (struct lb_pci_space){.address = (uint32_t)at.bus << 16 | (uint32_t)at.device << 11 |
						(uint32_t)at.function << 8,
				     .bytes = at.segment ? 0 : LB_PCI_SPACE_ECAM};
}

uint32_t lb_pci_read(const struct lb_pci_space *space, uint32_t reg)
{
	struct config_function *one = space->bytes ? config_selected(space) : NULL;

	return one ? *config_register(one, reg) : UINT32_MAX;
}

static void config_wake(struct config_function *one)
{
	if (one->keeps)
		return;
	one->registers[LB_PCI_COMMAND / 4] &= 0xffff0000;
	memset(&one->registers[LB_PCI_BAR0 / 4], 0, 0x34 - LB_PCI_BAR0);
	one->registers[LB_PCI_BRIDGE_CONTROL / 4] &= 0xffff;
	one->registers[CONFIG_EXPRESS / 4 + 2] &= 0xffff0000;
}

void lb_pci_write(const struct lb_pci_space *space, uint32_t reg, uint32_t value)
{
	struct config_function *one = config_selected(space);
	uint32_t *at;

	assert_non_null(one);
	at = config_register(one, reg);
	if (reg == LB_PCI_COMMAND || (reg == LB_PCI_WINDOW_IO && config_is_bridge(one)))
		value = (value & 0xffff) | (*at & 0xffff0000 & ~value); // a 1 clears a status bit
	if (reg == CONFIG_POWER + 4 && config_sleeps(one) && !(value & 3))
		config_wake(one);
	if (reg == CONFIG_POWER + 4)
		value = (value & ~0x8000U) | (*at & 0x8000 & ~value);
	*at = value;
}

// Adds a function that is awake, and has addresses and both capabilities.
static struct config_function *config_add(uint8_t bus, uint8_t device, uint8_t function)
{
	struct config_function *one = &config_functions[config_count++];

	assert_true(config_count <= CONFIG_FUNCTIONS);
	*one = (struct config_function){.at = {.bus = bus, .device = device, .function = function}};
	one->registers[LB_PCI_ID / 4] = 0x12348086;
	one->registers[LB_PCI_COMMAND / 4] = 0xffb00006;
	one->registers[LB_PCI_CAPABILITIES / 4] = CONFIG_POWER;
	one->registers[CONFIG_POWER / 4] = CONFIG_EXPRESS << 8 | LB_PCI_CAP_POWER;
	one->registers[CONFIG_EXPRESS / 4] = LB_PCI_CAP_EXPRESS;
	return one;
}

static inline struct config_function *config_add_bridge(uint8_t bus, uint8_t device, uint8_t function,
							uint8_t secondary)
{
	struct config_function *one = config_add(bus, device, function);

	one->registers[LB_PCI_HEADER / 4] = 0x00010000;
	one->registers[0x18 / 4] = 0x00ff0000 | (uint32_t)secondary << 8 | bus;
	return one;
}

static void config_reset(void)
{
	config_count = config_selects = 0;
}

#endif
