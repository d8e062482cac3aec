// SPDX-License-Identifier: BSD-2-Clause
// The one accessor of PCI configuration space, for the loader, the purgatory and the capture kernel. The
// space is in memory (ECAM, in the MCFG table) with 4 KiB a function, or behind two I/O ports with 256 bytes
// a function. The ports reach segment 0 only.
// Source: PCI Express Base 5.0, 7.2.2; PCI Local Bus 3.0, 3.2.2.3.2.
#ifndef LIFEBOAT_CRASH_BARE_PCI_CONFIG_H
#define LIFEBOAT_CRASH_BARE_PCI_CONFIG_H

#include <stdint.h>

#include "lifeboat/capture_config.h"
#include "lifeboat/handoff.h"
#include "lifeboat/pci.h"

struct lb_pci_config {
	const struct lb_ecam *ecam;
	uint32_t ecam_count; // 0: I/O ports only
	// Maps one function's page of ECAM, uncached. Returns NULL where it cannot.
	volatile void *(*map)(void *ctx, uint64_t phys);
	void *ctx;
};

// One function's configuration space. It is valid while the page that map() returned is mapped.
struct lb_pci_space {
	volatile uint32_t *ecam; // NULL: by I/O ports
	uint32_t address; // the function's bits in the address port
	uint32_t bytes; // LB_PCI_SPACE_ECAM, LB_PCI_SPACE_PORTS, or 0: the function cannot be reached
};

// Selects the first ECAM of this segment and bus. Selects the ports where there is none, or where its page
// cannot be mapped.
struct lb_pci_space lb_pci_select(const struct lb_pci_config *config, struct lb_pci_address at);

// Accesses the register at offset `reg`, a multiple of 4. From `bytes` on, all ones are read and nothing is
// written.
uint32_t lb_pci_read(const struct lb_pci_space *space, uint32_t reg);
void lb_pci_write(const struct lb_pci_space *space, uint32_t reg, uint32_t value);
void lb_pci_write8(const struct lb_pci_space *space, uint32_t reg, uint8_t value); // any offset

#endif
