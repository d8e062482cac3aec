// SPDX-License-Identifier: BSD-2-Clause
// Which of the capture kernel's drivers a disk is for: by the PCI function that it hangs on, and by
// the firmware's device path. One table, which the loader asks when arming and the drivers after a
// panic. Sources: PCI Code and ID Assignment 1.15, 1.2; Virtio 1.2, 4.1.2; UEFI 2.10, 10.3.4.
#ifndef LIFEBOAT_CRASH_DISK_TARGET_KIND_H
#define LIFEBOAT_CRASH_DISK_TARGET_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

#define LB_AHCI_CLASS 0x010601 // base class, subclass, interface

// A disk as the firmware shows it.
struct lb_disk_place {
	uint32_t id; // the function's register LB_PCI_ID
	uint32_t class; // of its register LB_PCI_CLASS, bits 31:8
	const uint8_t *node; // the device path's node behind the function, and what follows
	size_t node_bytes; // that may be read; 0: the path ends at the function
	bool named; // --dump-to names the partition
};

// Fills target->kind and target->unit. Fails, saying why, where there is no driver for such a disk.
int lb_target_classify(const struct lb_disk_place *place, struct lb_target *target, struct lb_error *err);

// Is there a driver for some disk behind such a function?
bool lb_target_driven(uint32_t id, uint32_t class);

// Judges a function, for a driver called `name`. Fails unless `id` and `class`, the function's registers
// LB_PCI_ID and LB_PCI_CLASS, are those of target->pci_id and of target->kind.
int lb_target_is_function(const struct lb_target *target, const char *name, uint32_t id, uint32_t class,
			  struct lb_error *err);

// "NVMe", or "unknown".
const char *lb_target_kind_name(uint32_t kind);

#endif
