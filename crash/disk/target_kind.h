// SPDX-License-Identifier: BSD-2-Clause
// Finds the capture kernel's driver for a disk, by the disk's PCI function and by the firmware's device
// path. The loader uses the same table when arming as the drivers do after a panic. Sources: PCI Code
// and ID Assignment 1.15, 1.2; Virtio 1.2, 4.1.2; UEFI 2.10, 10.3.4.
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
	uint32_t class; // bits 31:8 of the function's register LB_PCI_CLASS
	const uint8_t *node; // the device path from the node behind the function on
	size_t node_bytes; // readable bytes of `node`; 0: the path ends at the function
	bool named; // the partition is named by --dump-to
};

// Fills target->kind and target->unit. Fails, saying why, if no driver is for such a disk.
int lb_target_classify(const struct lb_disk_place *place, struct lb_target *target, struct lb_error *err);

// True if a driver is for some disk behind such a function.
bool lb_target_driven(uint32_t id, uint32_t class);

// Judges a function for a driver called `name`. Fails unless `id` and `class`, the function's registers
// LB_PCI_ID and LB_PCI_CLASS, match target->pci_id and target->kind.
int lb_target_is_function(const struct lb_target *target, const char *name, uint32_t id, uint32_t class,
			  struct lb_error *err);

// "NVMe", or "unknown".
const char *lb_target_kind_name(uint32_t kind);

#endif
