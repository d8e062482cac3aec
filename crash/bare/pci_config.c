// SPDX-License-Identifier: BSD-2-Clause
#include "crash/bare/pci_config.h"

#include <stddef.h>

#include "lifeboat/mmio.h"
#include "lifeboat/ports.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE (1U << 31)

// Returns NULL where no ECAM covers `at`, and where its page cannot be mapped.
static volatile uint32_t *map_ecam(const struct lb_pci_config *config, struct lb_pci_address at)
{
	for (uint32_t i = 0; i < config->ecam_count; i++) {
		const struct lb_ecam *ecam = &config->ecam[i];
		uint64_t offset =
			(uint64_t)at.bus << 20 | (uint64_t)at.device << 15 | (uint64_t)at.function << 12;

		if (ecam->segment == at.segment && at.bus >= ecam->bus_first && at.bus <= ecam->bus_last)
			return config->map(config->ctx, ecam->phys + offset);
	}
	return NULL;
}

struct lb_pci_space lb_pci_select(const struct lb_pci_config *config, struct lb_pci_address at)
{
	struct lb_pci_space space = {.ecam = map_ecam(config, at)};

	if (space.ecam) {
		space.bytes = LB_PCI_SPACE_ECAM;
	} else if (at.segment == 0) {
		space.bytes = LB_PCI_SPACE_PORTS;
		space.address = CONFIG_ENABLE | (uint32_t)at.bus << 16 | (uint32_t)at.device << 11 |
				(uint32_t)at.function << 8;
	}
	return space;
}

static void select_port(const struct lb_pci_space *space, uint32_t reg)
{
	cpu_out32(CONFIG_ADDRESS, space->address | (reg & ~3U));
}

uint32_t lb_pci_read(const struct lb_pci_space *space, uint32_t reg)
{
	if (reg >= space->bytes)
		return UINT32_MAX;
	if (space->ecam)
		return cpu_mmio_read32(&space->ecam[reg / sizeof(*space->ecam)]);
	select_port(space, reg);
	return cpu_in32(CONFIG_DATA);
}

void lb_pci_write(const struct lb_pci_space *space, uint32_t reg, uint32_t value)
{
	if (reg >= space->bytes)
		return;
	if (space->ecam) {
		cpu_mmio_write32(&space->ecam[reg / sizeof(*space->ecam)], value);
		return;
	}
	select_port(space, reg);
	cpu_out32(CONFIG_DATA, value);
}

void lb_pci_write8(const struct lb_pci_space *space, uint32_t reg, uint8_t value)
{
	if (reg >= space->bytes)
		return;
	if (space->ecam) {
		cpu_mmio_write8((volatile uint8_t *)space->ecam + reg, value);
		return;
	}
	select_port(space, reg);
	cpu_out8((uint16_t)(CONFIG_DATA + (reg & 3)), value);
}
