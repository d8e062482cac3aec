// SPDX-License-Identifier: BSD-2-Clause
// The bridges between a PCI function and its root bus. Source: PCI-to-PCI Bridge Architecture 1.2, 3.2.
#ifndef LIFEBOAT_CRASH_BARE_PCI_BRIDGES_H
#define LIFEBOAT_CRASH_BARE_PCI_BRIDGES_H

#include "crash/bare/pci_config.h"
#include "lib/format.h"

// Their addresses, LB_PCI_BDF() each, the topmost first; the rest of `ret_bridges`, LB_MAX_BRIDGES entries, is 0. Reads
// every bus below `at`'s own, and fails, saying so, where there are more bridges than that.
int lb_pci_bridges(const struct lb_pci_config *config, struct lb_pci_address at, uint16_t *ret_bridges,
		   struct lb_error *err);

#endif
