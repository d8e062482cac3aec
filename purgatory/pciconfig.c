// SPDX-License-Identifier: BSD-2-Clause
// Configuration space as the machine has it: in memory, 4 KiB a function (MCFG), through
// the uncached window; or by the two ports of old, 256 bytes a function and segment 0
// only. Source: PCI Express Base 5.0, 7.2.2; PCI Local Bus 3.0, 3.2.2.3.2.
#include "lib/cpu.h"
#include "lifeboat/watchdog.h"
#include "purgatory/pci.h"
#include "purgatory/purgatory.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE (1U << 31)

struct config {
	const struct lb_window *window;
	uint64_t ecam; // physical, of bus 0
	volatile uint32_t *space; // in the window
	uint32_t address; // for CONFIG_ADDRESS
};

static void select_ecam(void *ctx, uint8_t bus, uint8_t device, uint8_t function)
{
	struct config *config = ctx;
	uint64_t offset = (uint64_t)bus << 20 | (uint64_t)device << 15 | (uint64_t)function << 12;

	config->space = lb_window_map(config->window, config->ecam + offset, true);
}

static uint32_t read_ecam(void *ctx, uint32_t reg)
{
	const struct config *config = ctx;

	return config->space[reg / sizeof(*config->space)];
}

static void write_ecam(void *ctx, uint32_t reg, uint32_t value)
{
	const struct config *config = ctx;

	config->space[reg / sizeof(*config->space)] = value;
}

static void write8_ecam(void *ctx, uint32_t reg, uint8_t value)
{
	const struct config *config = ctx;

	((volatile uint8_t *)config->space)[reg] = value;
}

static void select_ports(void *ctx, uint8_t bus, uint8_t device, uint8_t function)
{
	struct config *config = ctx;

	config->address =
		CONFIG_ENABLE | (uint32_t)bus << 16 | (uint32_t)device << 11 | (uint32_t)function << 8;
}

static uint32_t read_ports(void *ctx, uint32_t reg)
{
	const struct config *config = ctx;

	cpu_out32(CONFIG_ADDRESS, config->address | reg);
	return cpu_in32(CONFIG_DATA);
}

static void write_ports(void *ctx, uint32_t reg, uint32_t value)
{
	const struct config *config = ctx;

	cpu_out32(CONFIG_ADDRESS, config->address | reg);
	cpu_out32(CONFIG_DATA, value);
}

static void write8_ports(void *ctx, uint32_t reg, uint8_t value)
{
	const struct config *config = ctx;

	cpu_out32(CONFIG_ADDRESS, config->address | (reg & ~3U));
	cpu_out8((uint16_t)(CONFIG_DATA + (reg & 3)), value);
}

void lb_quiesce_pci(const struct lb_handoff *handoff)
{
	struct config config = {.window = &handoff->device_window};
	struct lb_pci_access access = {select_ports, read_ports, write_ports, write8_ports, &config, 256};
	struct lb_pci_count count = {0};

	if (handoff->ecam_count == 0) {
		lb_pci_quiesce(&access, 0, UINT8_MAX, &count);
	} else {
		access = (struct lb_pci_access){select_ecam, read_ecam, write_ecam,
						write8_ecam, &config,   4096};
		for (uint32_t i = 0; i < handoff->ecam_count && i < LB_MAX_ECAM; i++) {
			config.ecam = handoff->ecam[i].phys;
			lb_pci_quiesce(&access, handoff->ecam[i].bus_first, handoff->ecam[i].bus_last,
				       &count);
		}
	}
	if (count.tco) {
		uint16_t port = (uint16_t)(count.tco + LB_TCO_CONTROL1);

		cpu_out16(port, cpu_in16(port) | LB_TCO_CONTROL1_HALT);
	}
	lb_say("PCI by %s: %u functions, bus mastering off at %u, MSI at %u",
	       handoff->ecam_count ? "ECAM" : "ports", count.functions, count.masters, count.msi);
}
