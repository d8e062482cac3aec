// SPDX-License-Identifier: BSD-2-Clause
// A target's PCI function by the very way that the capture kernel will take to it: the MCFG's ECAM, or the
// ports. Firmware goes its own way, so what it shows proves nothing of that.
#ifndef LIFEBOAT_LOADER_PCI_VIEW_H
#define LIFEBOAT_LOADER_PCI_VIEW_H

#include "lib/format.h"
#include "lifeboat/capture_config.h"
#include "loader/machine.h"

// `target` has its kind, pci and pci_id. Fills its bridges. Fails where the capture kernel would fail to open the
// function. Where the firmware does not map ECAM, only its own page tables hinder, and nothing is judged.
int lb_pci_view_check(const struct lb_machine *machine, struct lb_target *target, struct lb_error *err);

// The serial card at LB_PCI_BDF() of segment 0. Fails as lb_pci_uart() does.
int lb_pci_view_uart(const struct lb_machine *machine, uint64_t bdf, struct lb_console *ret_console,
		     struct lb_error *err);

#endif
