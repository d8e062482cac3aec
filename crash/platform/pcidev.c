// SPDX-License-Identifier: BSD-2-Clause
// Configuration space of single functions. An ECAM page is mapped at its first use and remembered, because a
// driver reads one function's registers many times.
#include "crash/platform/pcidev.h"

#include "crash/bare/pci_config.h"
#include "crash/bare/pci_registers.h"
#include "crash/platform/platform.h"

// Power Management Interface 1.2, 3.2.4 and 5.4: the state is at offset 4 of the capability. D3hot to D0
// takes up to 10 ms.
#define POWER_STATE 4
#define POWER_STATE_MASK 3U
#define POWER_EVENT (1U << 15) // cleared by writing 1
#define POWER_D0_MS 10
#define BEHIND_MS 100 // from link up to the first request behind the bridge (PCI Express Base 5.0, 6.6.1)

// Function level reset, PCI Express Base 5.0 6.6.2 and 7.5.3: offsets in the capability.
#define EXPRESS_CAPABILITIES 4
#define EXPRESS_CAN_RESET (1U << 28)
#define EXPRESS_CONTROL 8
#define EXPRESS_RESET (1U << 15)
#define EXPRESS_PENDING (1U << 21) // in the status half
#define PENDING_MS 1000 // longer than any completion takes
#define RESET_MS 100 // until the function may be accessed
#define RETURN_MS 1000 // until the function must answer

#define REMEMBERED 8 // pages of functions: the targets', and others that are read on the way

static struct mapped {
	uint64_t phys; // 0: unused
	volatile void *page;
} remembered[REMEMBERED];
static uint32_t next_remembered;
static struct lb_pci_config config;

static volatile void *map_remembered(void *ctx, uint64_t phys)
{
	struct mapped *entry = &remembered[next_remembered];

	(void)ctx;
	for (uint32_t i = 0; i < REMEMBERED; i++)
		if (remembered[i].phys == phys)
			return remembered[i].page;
	entry->phys = 0;
	entry->page = lb_device_map(phys, LB_PAGE);
	if (!entry->page)
		return NULL;
	entry->phys = phys;
	next_remembered = (next_remembered + 1) % REMEMBERED;
	return entry->page;
}

void lb_pcidev_open(const struct lb_ecam *ecam, uint32_t count)
{
	config = (struct lb_pci_config){.ecam = ecam, .ecam_count = count, .map = map_remembered};
}

uint32_t lb_pcidev_read(struct lb_pci_address at, uint32_t reg)
{
	const struct lb_pci_space space = lb_pci_select(&config, at);

	return lb_pci_read(&space, reg);
}

void lb_pcidev_write(struct lb_pci_address at, uint32_t reg, uint32_t value)
{
	const struct lb_pci_space space = lb_pci_select(&config, at);

	lb_pci_write(&space, reg, value);
}

// Wakes a function; returns true when it slept. In D3hot only configuration space answers. Its content may be
// lost on the way to D0 (PMI 1.2, 5.4.1).
static bool wake(struct lb_pci_address at)
{
	uint32_t power = lb_pcidev_capability(at, LB_PCI_CAP_POWER, 0), state;

	if (!power)
		return false;
	power += POWER_STATE;
	state = lb_pcidev_read(at, power);
	if (!(state & POWER_STATE_MASK))
		return false;
	lb_pcidev_write(at, power, state & LB_PCI_CONTROL_HALF & ~(POWER_STATE_MASK | POWER_EVENT));
	lb_wait_ms(POWER_D0_MS);
	return true;
}

static void write_back(struct lb_pci_address at, uint32_t reg, uint32_t value)
{
	if (lb_pcidev_read(at, reg) != value)
		lb_pcidev_write(at, reg, value);
}

// Wakes a function that the dead kernel's driver put to sleep, and restores what it lost in sleep: the BARs,
// and the PCI Express control register with the packet sizes that the bridges above still use.
static void wake_function(struct lb_pci_address at)
{
	uint32_t express = lb_pcidev_capability(at, LB_PCI_CAP_EXPRESS, 0), bars[LB_PCI_BARS], control = 0;

	for (uint32_t i = 0; i < LB_PCI_BARS; i++)
		bars[i] = lb_pcidev_read(at, LB_PCI_BAR0 + 4 * i);
	if (express)
		control =
			lb_pcidev_read(at, express + EXPRESS_CONTROL) & LB_PCI_CONTROL_HALF & ~EXPRESS_RESET;
	if (!wake(at))
		return;
	for (uint32_t i = 0; i < LB_PCI_BARS; i++)
		write_back(at, LB_PCI_BAR0 + 4 * i, bars[i]);
	if (express)
		lb_pcidev_write(at, express + EXPRESS_CONTROL, control);
}

// Reads one of the bridge's registers to restore: bus numbers, windows, control. Bits that writing 1 clears
// are 0.
#define BRIDGE_REGISTERS ((LB_PCI_WINDOWS_END - LB_PCI_BUSES) / 4 + 1)
static uint32_t bridge_register(struct lb_pci_address at, uint32_t index, uint32_t *ret_reg)
{
	uint32_t reg = index + 1 == BRIDGE_REGISTERS ? LB_PCI_BRIDGE_CONTROL : LB_PCI_BUSES + 4 * index;
	uint32_t value = lb_pcidev_read(at, reg);

	*ret_reg = reg;
	if (reg == LB_PCI_WINDOW_IO)
		return value & LB_PCI_CONTROL_HALF;
	return reg == LB_PCI_BRIDGE_CONTROL ? value & ~LB_PCI_BRIDGE_DISCARDED : value;
}

static int wake_bridge(struct lb_pci_address at, struct lb_error *err)
{
	uint32_t registers[BRIDGE_REGISTERS], command, reg;
	char name[16];

	if (lb_pcidev_read(at, LB_PCI_ID) == UINT32_MAX)
		return lb_fail(err, "the bridge %s above it does not answer", lb_pcidev_name(at, name));
	if ((lb_pcidev_read(at, LB_PCI_HEADER) >> 16 & LB_PCI_HEADER_TYPE) != LB_PCI_HEADER_BRIDGE)
		return lb_fail(err, "%s above it is no bridge any more", lb_pcidev_name(at, name));
	for (uint32_t i = 0; i < BRIDGE_REGISTERS; i++)
		registers[i] = bridge_register(at, i, &reg);
	if (wake(at)) {
		for (uint32_t i = 0; i < BRIDGE_REGISTERS; i++)
			if (bridge_register(at, i, &reg) != registers[i])
				lb_pcidev_write(at, reg, registers[i]);
		lb_say("%s: the bridge slept, and is woken", lb_pcidev_name(at, name));
		lb_wait_ms(BEHIND_MS);
	}
	// The bridge passes requests to the functions behind it, and their transfers to memory.
	command = lb_pcidev_read(at, LB_PCI_COMMAND) & LB_PCI_CONTROL_HALF;
	lb_pcidev_write(at, LB_PCI_COMMAND, command | LB_PCI_COMMAND_MEMORY | LB_PCI_COMMAND_MASTER);
	return 0;
}

int lb_pcidev_wake_above(const struct lb_target *target, struct lb_error *err)
{
	for (uint32_t i = 0; i < LB_MAX_BRIDGES && target->bridges[i]; i++) {
		const uint16_t bdf = target->bridges[i];
		const struct lb_pci_address at = {.segment = target->pci.segment,
						  .bus = (uint8_t)(bdf >> 8),
						  .device = bdf >> 3 & 0x1f,
						  .function = bdf & 7};

		if (wake_bridge(at, err) != 0)
			return -1;
	}
	return 0;
}

void lb_pcidev_enable(struct lb_pci_address at, bool master)
{
	uint32_t command;

	wake_function(at);
	command = lb_pcidev_read(at, LB_PCI_COMMAND) & LB_PCI_CONTROL_HALF & ~LB_PCI_COMMAND_MASTER;
	command |= LB_PCI_COMMAND_MEMORY | LB_PCI_COMMAND_NO_INTX | (master ? LB_PCI_COMMAND_MASTER : 0);
	lb_pcidev_write(at, LB_PCI_COMMAND, command);
}

// Waits until the bits `mask` of the register are 0, or time is up.
static void await_clear(struct lb_pci_address at, uint32_t reg, uint32_t mask, uint64_t milliseconds)
{
	struct lb_deadline deadline = lb_deadline_in(milliseconds);

	while ((lb_pcidev_read(at, reg) & mask) && !lb_deadline_passed(deadline))
		lb_pause();
}

bool lb_pcidev_function_reset(struct lb_pci_address at)
{
	uint32_t express = lb_pcidev_capability(at, LB_PCI_CAP_EXPRESS, 0), bars[LB_PCI_BARS], control;
	struct lb_deadline deadline;

	if (!express || !(lb_pcidev_read(at, express + EXPRESS_CAPABILITIES) & EXPRESS_CAN_RESET))
		return false;
	for (uint32_t i = 0; i < LB_PCI_BARS; i++)
		bars[i] = lb_pcidev_read(at, LB_PCI_BAR0 + 4 * i);
	lb_pcidev_write(at, LB_PCI_COMMAND, LB_PCI_COMMAND_NO_INTX);
	await_clear(at, express + EXPRESS_CONTROL, EXPRESS_PENDING, PENDING_MS);
	control = lb_pcidev_read(at, express + EXPRESS_CONTROL) & LB_PCI_CONTROL_HALF;
	lb_pcidev_write(at, express + EXPRESS_CONTROL, control | EXPRESS_RESET);
	lb_wait_ms(RESET_MS);
	deadline = lb_deadline_in(RETURN_MS);
	while (lb_pcidev_read(at, LB_PCI_COMMAND) == UINT32_MAX)
		if (lb_deadline_passed(deadline))
			return false;
	for (uint32_t i = 0; i < LB_PCI_BARS; i++)
		lb_pcidev_write(at, LB_PCI_BAR0 + 4 * i, bars[i]);
	lb_pcidev_enable(at, false);
	return true;
}

uint8_t lb_pcidev_capability(struct lb_pci_address at, uint8_t id, uint8_t after)
{
	const struct lb_pci_space space = lb_pci_select(&config, at);

	return lb_pci_capability(&space, id, after);
}

int lb_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys, struct lb_error *err)
{
	const struct lb_pci_space space = lb_pci_select(&config, at);
	struct lb_error why;
	char name[16];

	if (lb_pci_bar(&space, index, ret_phys, &why) != 0)
		return lb_fail(err, "%s: %s", lb_pcidev_name(at, name), why.text);
	return 0;
}

char *lb_pcidev_name(struct lb_pci_address at, char *text)
{
	lb_snprintf(text, 16, "%04x:%02x:%02x.%u", at.segment, at.bus, at.device, at.function);
	return text;
}
