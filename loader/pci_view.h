// SPDX-License-Identifier: BSD-2-Clause
// Reads a target's PCI function the way the capture kernel will: by the MCFG's ECAM, or by the ports. The
// firmware may use another way, so what it shows proves nothing.
#ifndef LIFEBOAT_LOADER_PCI_VIEW_H
#define LIFEBOAT_LOADER_PCI_VIEW_H

#include "lib/format.h"
#include "lifeboat/capture_config.h"
#include "loader/machine.h"

// `target` has its kind, pci and pci_id; this fills its bridges. Fails where the capture kernel would fail
// to open the function. Where the firmware's page tables do not map ECAM nothing is judged: the capture
// kernel has tables of its own.
int lb_pci_view_check(const struct lb_machine *machine, struct lb_target *target, struct lb_error *err);

// Reads the serial card at LB_PCI_BDF() of segment 0. Fails as lb_pci_uart() does.
int lb_pci_view_uart(const struct lb_machine *machine, uint64_t bdf, struct lb_console *ret_console,
		     struct lb_error *err);

#endif
