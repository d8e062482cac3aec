// SPDX-License-Identifier: BSD-2-Clause
// PCI configuration space as the machine has it: in memory, 4 KiB a function (ECAM, the
// MCFG table's), or by the two ports of old, 256 bytes a function and segment 0 only.
// The one accessor, for the loader, the purgatory and the capture kernel.
// Source: PCI Express Base 5.0, 7.2.2; PCI Local Bus 3.0, 3.2.2.3.2.
#ifndef LIFEBOAT_CRASH_BARE_PCI_CONFIG_H
#define LIFEBOAT_CRASH_BARE_PCI_CONFIG_H

#include <stdint.h>

#include "lifeboat/capture_config.h"
#include "lifeboat/handoff.h"
#include "lifeboat/pci.h"

struct lb_pci_config {
	const struct lb_ecam *ecam;
	uint32_t ecam_count; // 0: by ports
	// One function's page of ECAM, uncached; NULL: it cannot be mapped.
	volatile void *(*map)(void *ctx, uint64_t phys);
	void *ctx;
};

// One function's configuration space; as long as the page that `map` returned is mapped.
struct lb_pci_space {
	volatile uint32_t *ecam; // NULL: by ports
	uint32_t address; // for the address port
	uint32_t bytes; // LB_PCI_SPACE_ECAM, LB_PCI_SPACE_PORTS, or 0: nothing leads there
};

// Selects the first ECAM of this segment and bus; ports where there is none, or where its page cannot be
// mapped.
struct lb_pci_space lb_pci_select(const struct lb_pci_config *config, struct lb_pci_address at);

// A register by offset, a multiple of 4. All ones, and nothing is written, from `bytes` on.
uint32_t lb_pci_read(const struct lb_pci_space *space, uint32_t reg);
void lb_pci_write(const struct lb_pci_space *space, uint32_t reg, uint32_t value);
void lb_pci_write8(const struct lb_pci_space *space, uint32_t reg, uint8_t value); // any offset

#endif
