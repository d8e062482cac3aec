// SPDX-License-Identifier: BSD-2-Clause
// Configuration space of single functions. ECAM pages are mapped when first used, and
// remembered: a driver reads one function's registers many times.
#include "crash/platform/pcidev.h"

#include "crash/platform/platform.h"
#include "lifeboat/ports.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE (1U << 31)
#define PORTS_BYTES 256 // of configuration space by ports; 4096 by ECAM

#define COMMAND_MEMORY (1U << 1)
#define COMMAND_MASTER (1U << 2)
#define COMMAND_INTX_OFF (1U << 10)
#define LOW_HALF 0xffffU // the status half of a register is cleared by ones: never written back
#define STATUS_CAPABILITIES (1U << 20)
#define CAPABILITIES 0x34
#define CAPABILITIES_FIRST 0x40 // what lies below is the standard header
#define MAX_CAPABILITIES ((PORTS_BYTES - CAPABILITIES_FIRST) / 4)

// Power Management Interface 1.2, 3.2.4 and 5.4: at offset 4 of the capability the state, and up
// to 10 ms from D3hot to D0.
#define CAP_POWER 0x01
#define POWER_STATE 4
#define POWER_STATE_MASK 3U
#define POWER_D0_MS 10

// Function level reset, PCI Express Base 5.0 6.6.2 and 7.5.3: offsets in the capability.
#define CAP_EXPRESS 0x10
#define EXPRESS_CAPABILITIES 4
#define EXPRESS_CAN_RESET (1U << 28)
#define EXPRESS_CONTROL 8
#define EXPRESS_RESET (1U << 15)
#define EXPRESS_PENDING (1U << 21) // in the status half
#define PENDING_MS 1000 // longer than a completion may take; then it is lost
#define RESET_MS 100 // before the function may be spoken to
#define RETURN_MS 1000 // until it answers at last
#define BARS 6

#define BAR_IO 1U
#define BAR_TYPE 6U
#define BAR_64 4U
#define BAR_FLAGS 0xfU

#define REMEMBERED 8 // targets, with room for what is asked on the way to them

static const struct lb_ecam *ecams;
static uint32_t ecam_count;

static struct mapped {
	uint64_t phys; // 0: unused
	volatile uint32_t *space;
} remembered[REMEMBERED];
static uint32_t next_remembered;

void lb_pcidev_open(const struct lb_ecam *ecam, uint32_t count)
{
	ecams = ecam;
	ecam_count = count;
}

// The function's page; NULL when no ECAM has it, or it cannot be mapped.
static volatile uint32_t *find_space(struct lb_pci_address at)
{
	for (uint32_t i = 0; i < ecam_count; i++) {
		const struct lb_ecam *ecam = &ecams[i];
		uint64_t phys = ecam->phys + ((uint64_t)at.bus << 20 | (uint64_t)at.device << 15 |
					      (uint64_t)at.function << 12);
		struct mapped *entry;

		if (ecam->segment != at.segment || at.bus < ecam->bus_first || at.bus > ecam->bus_last)
			continue;
		for (uint32_t j = 0; j < REMEMBERED; j++)
			if (remembered[j].phys == phys)
				return remembered[j].space;
		entry = &remembered[next_remembered];
		entry->phys = 0;
		entry->space = lb_device_map(phys, LB_PAGE);
		if (!entry->space)
			return NULL;
		entry->phys = phys;
		next_remembered = (next_remembered + 1) % REMEMBERED;
		return entry->space;
	}
	return NULL;
}

static bool select_port(struct lb_pci_address at, uint32_t reg)
{
	if (at.segment != 0 || reg >= PORTS_BYTES)
		return false;
	cpu_out32(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)at.bus << 16 | (uint32_t)at.device << 11 |
					  (uint32_t)at.function << 8 | (reg & ~3U));
	return true;
}

uint32_t lb_pcidev_read(struct lb_pci_address at, uint32_t reg)
{
	volatile uint32_t *space = find_space(at);

	if (space && reg < LB_PAGE)
		return space[reg / sizeof(*space)];
	return select_port(at, reg) ? cpu_in32(CONFIG_DATA) : UINT32_MAX;
}

void lb_pcidev_write(struct lb_pci_address at, uint32_t reg, uint32_t value)
{
	volatile uint32_t *space = find_space(at);

	if (space && reg < LB_PAGE)
		space[reg / sizeof(*space)] = value;
	else if (select_port(at, reg))
		cpu_out32(CONFIG_DATA, value);
}

// A driver of the dead kernel may have let the function sleep: only configuration space answers then.
static void wake(struct lb_pci_address at)
{
	uint32_t power = lb_pcidev_capability(at, CAP_POWER, 0), state;

	if (!power)
		return;
	power += POWER_STATE;
	state = lb_pcidev_read(at, power);
	if (!(state & POWER_STATE_MASK))
		return;
	// The upper half has a bit that ones clear.
	lb_pcidev_write(at, power, state & LOW_HALF & ~POWER_STATE_MASK);
	lb_wait_ms(POWER_D0_MS);
}

void lb_pcidev_enable(struct lb_pci_address at, bool master)
{
	uint32_t command;

	wake(at);
	command = lb_pcidev_read(at, LB_PCI_COMMAND) & LOW_HALF & ~COMMAND_MASTER;
	command |= COMMAND_MEMORY | COMMAND_INTX_OFF | (master ? COMMAND_MASTER : 0);
	lb_pcidev_write(at, LB_PCI_COMMAND, command);
}

// Until `mask` of the register is 0, or time is up.
static void await_clear(struct lb_pci_address at, uint32_t reg, uint32_t mask, uint64_t milliseconds)
{
	struct lb_deadline deadline = lb_deadline_in(milliseconds);

	while ((lb_pcidev_read(at, reg) & mask) && !lb_deadline_passed(deadline))
		lb_pause();
}

bool lb_pcidev_function_reset(struct lb_pci_address at)
{
	uint32_t express = lb_pcidev_capability(at, CAP_EXPRESS, 0), bars[BARS], control;
	struct lb_deadline deadline;

	if (!express || !(lb_pcidev_read(at, express + EXPRESS_CAPABILITIES) & EXPRESS_CAN_RESET))
		return false;
	for (uint32_t i = 0; i < BARS; i++)
		bars[i] = lb_pcidev_read(at, LB_PCI_BAR0 + 4 * i);
	lb_pcidev_write(at, LB_PCI_COMMAND, COMMAND_INTX_OFF);
	await_clear(at, express + EXPRESS_CONTROL, EXPRESS_PENDING, PENDING_MS);
	control = lb_pcidev_read(at, express + EXPRESS_CONTROL) & LOW_HALF;
	lb_pcidev_write(at, express + EXPRESS_CONTROL, control | EXPRESS_RESET);
	lb_wait_ms(RESET_MS);
	deadline = lb_deadline_in(RETURN_MS);
	while (lb_pcidev_read(at, LB_PCI_COMMAND) == UINT32_MAX)
		if (lb_deadline_passed(deadline))
			return false;
	for (uint32_t i = 0; i < BARS; i++)
		lb_pcidev_write(at, LB_PCI_BAR0 + 4 * i, bars[i]);
	lb_pcidev_enable(at, false);
	return true;
}

uint8_t lb_pcidev_capability(struct lb_pci_address at, uint8_t id, uint8_t after)
{
	uint32_t offset;

	if (after)
		offset = lb_pcidev_read(at, after) >> 8;
	else if (lb_pcidev_read(at, LB_PCI_COMMAND) & STATUS_CAPABILITIES)
		offset = lb_pcidev_read(at, CAPABILITIES);
	else
		return 0;
	for (unsigned int i = 0; i < MAX_CAPABILITIES; i++) {
		uint32_t head;

		offset &= 0xfc; // the two low bits are reserved
		if (offset < CAPABILITIES_FIRST)
			return 0;
		head = lb_pcidev_read(at, offset);
		if (head == UINT32_MAX)
			return 0;
		if ((uint8_t)head == id)
			return (uint8_t)offset;
		offset = head >> 8;
	}
	return 0;
}

int lb_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys, struct lb_error *err)
{
	char name[16];
	uint32_t low, type;
	uint64_t phys;

	if (index > 5)
		return lb_fail(err, "%s: BAR %u, but a function has 0 to 5", lb_pcidev_name(at, name), index);
	low = lb_pcidev_read(at, LB_PCI_BAR0 + 4 * index);
	if (low == UINT32_MAX)
		return lb_fail(err, "%s: BAR %u reads all ones: the function is gone",
			       lb_pcidev_name(at, name), index);
	type = low & BAR_TYPE;
	if (low & BAR_IO)
		return lb_fail(err, "%s: BAR %u is I/O space (0x%x), not memory", lb_pcidev_name(at, name),
			       index, low);
	if (type != 0 && (type != BAR_64 || index == 5))
		return lb_fail(err, "%s: BAR %u is of a reserved type (0x%x)", lb_pcidev_name(at, name),
			       index, low);
	phys = low & ~BAR_FLAGS;
	if (type == BAR_64)
		phys |= (uint64_t)lb_pcidev_read(at, LB_PCI_BAR0 + 4 * (index + 1)) << 32;
	if (phys == 0)
		return lb_fail(err, "%s: BAR %u has no address: it was never set, or lost in sleep",
			       lb_pcidev_name(at, name), index);
	*ret_phys = phys;
	return 0;
}

char *lb_pcidev_name(struct lb_pci_address at, char *text)
{
	lb_snprintf(text, 16, "%04x:%02x:%02x.%u", at.segment, at.bus, at.device, at.function);
	return text;
}
