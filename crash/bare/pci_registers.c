// SPDX-License-Identifier: BSD-2-Clause
#include "crash/bare/pci_registers.h"

uint8_t lb_pci_capability(const struct lb_pci_space *space, uint8_t id, uint8_t after)
{
	uint32_t offset;

	if (after)
		offset = lb_pci_read(space, after) >> 8;
	else if (lb_pci_read(space, LB_PCI_COMMAND) & LB_PCI_STATUS_CAPABILITIES)
		offset = lb_pci_read(space, LB_PCI_CAPABILITIES);
	else
		return 0;
	for (unsigned int i = 0; i < LB_PCI_CAPABILITIES_MAX; i++) {
		uint32_t head;

		offset = LB_PCI_CAPABILITY_NEXT(offset);
		if (offset < LB_PCI_CAPABILITIES_MIN)
			return 0;
		head = lb_pci_read(space, offset);
		if (head == UINT32_MAX)
			return 0;
		if ((uint8_t)head == id)
			return (uint8_t)offset;
		offset = head >> 8;
	}
	return 0;
}

int lb_pci_bar(const struct lb_pci_space *space, unsigned int index, uint64_t *ret_phys, struct lb_error *err)
{
	uint32_t low, type;
	uint64_t phys;

	if (index >= LB_PCI_BARS)
		return lb_fail(err, "BAR %u, but a function has 0 to 5", index);
	low = lb_pci_read(space, LB_PCI_BAR0 + 4 * index);
	if (low == UINT32_MAX)
		return lb_fail(err, "BAR %u reads all ones: the function is gone", index);
	type = low & LB_PCI_BAR_TYPE;
	if (low & LB_PCI_BAR_IO)
		return lb_fail(err, "BAR %u is I/O space (0x%x), not memory", index, low);
	if (type != 0 && (type != LB_PCI_BAR_64 || index == LB_PCI_BARS - 1))
		return lb_fail(err, "BAR %u is of a reserved type (0x%x)", index, low);
	phys = low & ~LB_PCI_BAR_FLAGS;
	if (type == LB_PCI_BAR_64)
		phys |= (uint64_t)lb_pci_read(space, LB_PCI_BAR0 + 4 * (index + 1)) << 32;
	if (phys == 0)
		return lb_fail(err, "BAR %u has no address: it was never set, or lost in sleep", index);
	*ret_phys = phys;
	return 0;
}
