// SPDX-License-Identifier: BSD-2-Clause
// Reads a function's capabilities and BARs.
// Sources: PCI Local Bus 3.0, 6.2.5 and 6.7.
#ifndef LIFEBOAT_CRASH_BARE_PCI_REGISTERS_H
#define LIFEBOAT_CRASH_BARE_PCI_REGISTERS_H

#include "crash/bare/pci_config.h"
#include "lib/format.h"

// Returns the offset of the next capability `id` after offset `after` (0: of the first); 0: there is none.
// Bounded.
uint8_t lb_pci_capability(const struct lb_pci_space *space, uint8_t id, uint8_t after);

// Reads the physical address of memory BAR `index` (0 to 5; a 64-bit BAR takes two). The BAR's size is not
// asked for. Fails for an I/O BAR and for one that was never set.
int lb_pci_bar(const struct lb_pci_space *space, unsigned int index, uint64_t *ret_phys,
	       struct lb_error *err);

#endif
