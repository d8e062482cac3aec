// SPDX-License-Identifier: BSD-2-Clause
#include "crash/bare/pci_bridges.h"

#include <stdbool.h>

// Returns true if `at` is a bridge whose secondary bus is `bus`. *ret_more: the device has several functions.
static bool leads_to(const struct lb_pci_config *config, struct lb_pci_address at, uint8_t bus,
		     bool *ret_more)
{
	const struct lb_pci_space space = lb_pci_select(config, at);
	uint32_t id = lb_pci_read(&space, LB_PCI_ID), header;

	*ret_more = false;
	if ((id & LB_PCI_ID_VENDOR) == LB_PCI_VENDOR_NONE || id == LB_PCI_ID_RETRY)
		return false;
	header = lb_pci_read(&space, LB_PCI_HEADER);
	*ret_more = header & LB_PCI_HEADER_MULTIFUNCTION;
	return (header >> 16 & LB_PCI_HEADER_TYPE) == LB_PCI_HEADER_BRIDGE &&
	       (lb_pci_read(&space, LB_PCI_BUSES) >> 8 & 0xff) == bus;
}

// Finds the bridge to `bus` on bus at->bus. Functions 1 to 7 are read only where function 0 says that there
// may be some.
static bool find_on(const struct lb_pci_config *config, struct lb_pci_address *at, uint8_t bus)
{
	for (uint8_t device = 0; device < LB_PCI_DEVICES; device++) {
		bool more = true, ignored;

		for (uint8_t function = 0; function < LB_PCI_FUNCTIONS && more; function++) {
			at->device = device;
			at->function = function;
			if (leads_to(config, *at, bus, function == 0 ? &more : &ignored))
				return true;
		}
	}
	return false;
}

// Finds the bridge to the bus of `at`, and puts it into `at`. A bridge's own bus has a lower number than the
// one behind it. Bus 0 is behind no bridge.
static bool find_above(const struct lb_pci_config *config, struct lb_pci_address *at)
{
	const uint8_t bus = at->bus;

	for (uint32_t above = 0; above < bus; above++) {
		at->bus = (uint8_t)above;
		if (find_on(config, at, bus))
			return true;
	}
	return false;
}

int lb_pci_bridges(const struct lb_pci_config *config, struct lb_pci_address at, uint16_t *ret_bridges,
		   struct lb_error *err)
{
	uint16_t found[LB_MAX_BRIDGES];
	uint32_t count = 0;

	while (find_above(config, &at)) {
		if (count == LB_MAX_BRIDGES)
			return lb_fail(err, "it is behind more than %u PCI bridges", LB_MAX_BRIDGES);
		found[count++] = LB_PCI_BDF(at);
	}
	for (uint32_t i = 0; i < LB_MAX_BRIDGES; i++)
		ret_bridges[i] = i < count ? found[count - 1 - i] : 0;
	return 0;
}
