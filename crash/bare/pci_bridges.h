// SPDX-License-Identifier: BSD-2-Clause
// The bridges between a PCI function and its root bus. Source: PCI-to-PCI Bridge Architecture 1.2, 3.2.
#ifndef LIFEBOAT_CRASH_BARE_PCI_BRIDGES_H
#define LIFEBOAT_CRASH_BARE_PCI_BRIDGES_H

#include "crash/bare/pci_config.h"
#include "lib/format.h"

// Puts the addresses (LB_PCI_BDF()) of the bridges above `at` into `ret_bridges`, the topmost first.
// `ret_bridges` has LB_MAX_BRIDGES entries; those that are left over become 0. Every bus with a number below
// `at`'s is read. Fails where there are more than LB_MAX_BRIDGES bridges.
int lb_pci_bridges(const struct lb_pci_config *config, struct lb_pci_address at, uint16_t *ret_bridges,
		   struct lb_error *err);

#endif
