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

// Where configuration space is; kept by reference, before any other call.
void lb_pcidev_open(const struct lb_ecam *ecam, uint32_t count);

// Any register by offset; 32-bit ones 4-byte aligned. All ones where nothing answers.
uint32_t lb_pcidev_read(struct lb_pci_address at, uint32_t reg);
void lb_pcidev_write(struct lb_pci_address at, uint32_t reg, uint32_t value);

// Memory decoding on; INTx held back; bus mastering as said.
void lb_pcidev_enable(struct lb_pci_address at, bool master);

// A reset of this function alone: whatever it was doing, it ends; BARs are as they were, memory
// decoding is on, bus mastering off. False: it cannot do that, or does not come back.
bool lb_pcidev_function_reset(struct lb_pci_address at);

// The next capability `id` after offset `after` (0: the first); 0: none. Bounded.
uint8_t lb_pcidev_capability(struct lb_pci_address at, uint8_t id, uint8_t after);

// Physical address of memory BAR `index` (0-5; 64-bit ones take two), as it is set; its
// size is not asked for. Fails for an I/O BAR and one that was never set, naming the function.
int lb_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys, struct lb_error *err);

// "0000:00:03.0" into `text` of 16 bytes; returns it.
char *lb_pcidev_name(struct lb_pci_address at, char *text);

#endif
