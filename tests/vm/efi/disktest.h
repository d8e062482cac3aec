// SPDX-License-Identifier: BSD-2-Clause
// The test program of the capture kernel's disk drivers, in parts: disktest.c is started by
// the firmware and obeys disktest.conf, disktest_conf.c reads that file's lines,
// disktest_run.c tries one disk, disktest_partition.c the same through a partition, disktest_platform.c stands
// for the machine.
#ifndef LIFEBOAT_TESTS_VM_EFI_DISKTEST_H
#define LIFEBOAT_TESTS_VM_EFI_DISKTEST_H

#include <efi.h>
#include <stdbool.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

// One line of disktest.conf.
struct order {
	struct lb_target target; // pci_id 0: whatever is there
	uint64_t seed; // of the pattern
	uint64_t bad_first, bad_count; // blocks whose writing fails; none: 0
	bool ecam; // configuration space by ECAM instead of ports
	bool keep; // the firmware's driver stays at the device
	bool function_reset; // as a PCI function, before anything else
	bool untried; // only what must be refused is tried
	bool partition; // it is written and read through a partition
	bool unplug; // the disk goes in the middle, with
	struct lb_pci_address port; // this root port, whose slot is powered off
};

// From `text` up to its line's end; `*ret_next` is behind it. False: nobody understands it.
bool read_order(const char *text, struct order *ret_order, const char **ret_next);

struct lb_disk;

#define PATTERN_SECTOR 512 // the pattern is by sectors, whatever the blocks

// What the sector is full of, counted from the disk's beginning: no two have the same.
static inline uint64_t pattern_word(const struct order *order, uint64_t sector)
{
	return (sector + 1 + (order->seed << 40)) * 0x9e3779b97f4a7c15ULL;
}

// Writes the target's blocks through a partition on the open disk, and reads them back. Bad blocks have to
// be what it gives up on.
int run_partition(const struct order *order, struct lb_disk *disk, struct lb_error *err);

// Tries the disk; -1 with what went wrong.
int run_order(const struct order *order, struct lb_error *err);

void platform_open(EFI_BOOT_SERVICES *services);

#endif
