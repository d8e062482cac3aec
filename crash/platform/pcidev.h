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

// Sets how configuration space is reached. Must be called before any other function here. `ecam` is kept by
// reference.
void lb_pcidev_open(const struct lb_ecam *ecam, uint32_t count);

// Reads or writes the register at offset `reg`, a multiple of 4. All ones are read where nothing answers.
uint32_t lb_pcidev_read(struct lb_pci_address at, uint32_t reg);
void lb_pcidev_write(struct lb_pci_address at, uint32_t reg, uint32_t value);

// Wakes the bridges above the target's function, the topmost first, restores the registers that they lost in
// sleep, and lets them forward. Must be called before anything else is done with the function. Fails, naming
// the bridge, where one is gone.
int lb_pcidev_wake_above(const struct lb_target *target, struct lb_error *err);

// Wakes the function and restores its BARs. Turns memory decoding on and INTx off, and bus mastering as
// `master` says.
void lb_pcidev_enable(struct lb_pci_address at, bool master);

// Resets this function alone, which ends its transfers. Afterwards the BARs are as before, memory decoding is
// on and bus mastering is off. False: the function cannot be reset, or does not answer in time.
bool lb_pcidev_function_reset(struct lb_pci_address at);

// These are lb_pci_capability() and lb_pci_bar() by address. Messages begin with the function's name.
uint8_t lb_pcidev_capability(struct lb_pci_address at, uint8_t id, uint8_t after);
int lb_pcidev_bar(struct lb_pci_address at, unsigned int index, uint64_t *ret_phys, struct lb_error *err);

// Writes a name like "0000:00:03.0" into `text`, which has 16 bytes. Returns `text`.
char *lb_pcidev_name(struct lb_pci_address at, char *text);

#endif
