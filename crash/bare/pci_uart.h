// SPDX-License-Identifier: BSD-2-Clause
// Finds the first 8250 of a serial card, for the console.
// Source: PCI Code and ID Assignment 1.15, 1.8.
#ifndef LIFEBOAT_CRASH_BARE_PCI_UART_H
#define LIFEBOAT_CRASH_BARE_PCI_UART_H

#include "crash/bare/pci_config.h"
#include "lib/format.h"

// Puts the place that BAR 0 says into *ret_console, and turns decoding on. Fails unless the class is 0700h
// (serial) or 0702h (multiport), and where the BAR has no address.
int lb_pci_uart(const struct lb_pci_space *space, struct lb_console *ret_console, struct lb_error *err);

#endif
