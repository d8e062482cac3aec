// SPDX-License-Identifier: BSD-2-Clause
// A serial card as a console: where its first 8250 is. Source: PCI Code and ID Assignment 1.15, 1.8.
#ifndef LIFEBOAT_CRASH_BARE_PCI_UART_H
#define LIFEBOAT_CRASH_BARE_PCI_UART_H

#include "crash/bare/pci_config.h"
#include "lib/format.h"

// The place that its first BAR says, where it answers from now on. Fails where the function is none of class
// 0700h, serial, or 0702h, of several ports, and where the BAR has no address.
int lb_pci_uart(const struct lb_pci_space *space, struct lb_console *ret_console, struct lb_error *err);

#endif
