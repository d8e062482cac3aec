// SPDX-License-Identifier: BSD-2-Clause
// One PCI function's configuration space, for a driver (crash/bare/pci_config.h).
// Sources: PCI Local Bus 3.0 chapter 6; PCI Express Base 5.0 7.5, 7.7.
#ifndef LIFEBOAT_CRASH_PLATFORM_PCIDEV_H
#define LIFEBOAT_CRASH_PLATFORM_PCIDEV_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/handoff.h"
#include "lifeboat/pci.h"

// Names configuration space; kept by reference, before any other call.
void lb_pcidev_open(const struct lb_ecam *ecam, uint32_t count);

// Any register by offset; 32-bit ones 4-byte aligned. All ones where nothing answers.
uint32_t lb_pcidev_read(struct lb_pci_address at, uint32_t reg);
void lb_pcidev_write(struct lb_pci_address at, uint32_t reg, uint32_t value);

// Wakes the bridges above the target's function, from the top, gives them back what they lost in
// sleep, and lets them forward. Before anything else of the function. Fails, naming the bridge, where one is gone.
int lb_pcidev_wake_above(const struct lb_target *target, struct lb_error *err);

// Out of sleep, with its addresses; memory decoding on; INTx held back; bus mastering as said.
void lb_pcidev_enable(struct lb_pci_address at, bool master);

// A reset of this function alone: whatever it was doing, it ends; BARs are as they were, memory
// decoding is on, bus mastering off. False: it cannot do that, or does not come back.
bool lb_pcidev_function_reset(struct lb_pci_address at);

// Both do as lb_pci_capability() and lb_pci_bar(), whose failures get the function's name.
uint8_t lb_pcidev_capability(struct lb_pci_address at, uint8_t id, uint8_t after);
int lb_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys, struct lb_error *err);

// "0000:00:03.0" into `text` of 16 bytes; returns it.
char *lb_pcidev_name(struct lb_pci_address at, char *text);

#endif
