// SPDX-License-Identifier: BSD-2-Clause
// Configuration space of single functions. ECAM pages are mapped when first used, and
// remembered: a driver reads one function's registers many times.
#include "crash/platform/pcidev.h"

#include "crash/bare/pci_config.h"
#include "crash/platform/platform.h"

// Power Management Interface 1.2, 3.2.4 and 5.4: at offset 4 of the capability the state, and up
// to 10 ms from D3hot to D0.
#define POWER_STATE 4
#define POWER_STATE_MASK 3U
#define POWER_D0_MS 10

// Function level reset, PCI Express Base 5.0 6.6.2 and 7.5.3: offsets in the capability.
#define EXPRESS_CAPABILITIES 4
#define EXPRESS_CAN_RESET (1U << 28)
#define EXPRESS_CONTROL 8
#define EXPRESS_RESET (1U << 15)
#define EXPRESS_PENDING (1U << 21) // in the status half
#define PENDING_MS 1000 // longer than a completion may take; then it is lost
#define RESET_MS 100 // before the function may be spoken to
#define RETURN_MS 1000 // until it answers at last

#define REMEMBERED 8 // targets, with room for what is asked on the way to them

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

// A driver of the dead kernel may have let the function sleep: only configuration space answers then.
static void wake(struct lb_pci_address at)
{
	uint32_t power = lb_pcidev_capability(at, LB_PCI_CAP_POWER, 0), state;

	if (!power)
		return;
	power += POWER_STATE;
	state = lb_pcidev_read(at, power);
	if (!(state & POWER_STATE_MASK))
		return;
	// The upper half has a bit that ones clear.
	lb_pcidev_write(at, power, state & LB_PCI_CONTROL_HALF & ~POWER_STATE_MASK);
	lb_wait_ms(POWER_D0_MS);
}

void lb_pcidev_enable(struct lb_pci_address at, bool master)
{
	uint32_t command;

	wake(at);
	command = lb_pcidev_read(at, LB_PCI_COMMAND) & LB_PCI_CONTROL_HALF & ~LB_PCI_COMMAND_MASTER;
	command |= LB_PCI_COMMAND_MEMORY | LB_PCI_COMMAND_NO_INTX | (master ? LB_PCI_COMMAND_MASTER : 0);
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
	uint32_t offset;

	if (after)
		offset = lb_pcidev_read(at, after) >> 8;
	else if (lb_pcidev_read(at, LB_PCI_COMMAND) & LB_PCI_STATUS_CAPABILITIES)
		offset = lb_pcidev_read(at, LB_PCI_CAPABILITIES);
	else
		return 0;
	for (unsigned int i = 0; i < LB_PCI_CAPABILITIES_MAX; i++) {
		uint32_t head;

		offset = LB_PCI_CAPABILITY_NEXT(offset);
		if (offset < LB_PCI_CAPABILITIES_MIN)
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

	if (index >= LB_PCI_BARS)
		return lb_fail(err, "%s: BAR %u, but a function has 0 to 5", lb_pcidev_name(at, name), index);
	low = lb_pcidev_read(at, LB_PCI_BAR0 + 4 * index);
	if (low == UINT32_MAX)
		return lb_fail(err, "%s: BAR %u reads all ones: the function is gone",
			       lb_pcidev_name(at, name), index);
	type = low & LB_PCI_BAR_TYPE;
	if (low & LB_PCI_BAR_IO)
		return lb_fail(err, "%s: BAR %u is I/O space (0x%x), not memory", lb_pcidev_name(at, name),
			       index, low);
	if (type != 0 && (type != LB_PCI_BAR_64 || index == LB_PCI_BARS - 1))
		return lb_fail(err, "%s: BAR %u is of a reserved type (0x%x)", lb_pcidev_name(at, name),
			       index, low);
	phys = low & ~LB_PCI_BAR_FLAGS;
	if (type == LB_PCI_BAR_64)
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
