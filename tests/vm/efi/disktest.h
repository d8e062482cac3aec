// SPDX-License-Identifier: BSD-2-Clause
// The test program of the capture kernel's disk drivers. The firmware starts disktest.c, which obeys
// disktest.conf. disktest_conf.c reads that file. disktest_run.c tries a disk by the driver's calls,
// disktest_partition.c through a partition. disktest_platform.c takes the place of the machine.
#ifndef LIFEBOAT_TESTS_VM_EFI_DISKTEST_H
#define LIFEBOAT_TESTS_VM_EFI_DISKTEST_H

#include <efi.h>
#include <stdbool.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"

// One line of disktest.conf.
struct order {
	struct lb_target target; // pci_id 0: any device
	uint64_t seed; // seed of the pattern
	uint64_t bad_first, bad_count; // blocks that cannot be written; count 0: none
	bool ecam; // configuration space by ECAM, not by ports
	bool keep; // the firmware's driver stays connected
	bool function_reset; // the PCI function is reset first
	bool untried; // only what must be refused is tried
	bool partition; // reads and writes go through a partition
	bool unplug; // the disk is unplugged in the middle
	struct lb_pci_address port; // of unplug: the root port above the disk, whose slot is powered off
};

// Reads one line from `text`; `*ret_next` is behind it. False if it is not understood.
bool read_order(const char *text, struct order *ret_order, const char **ret_next);

struct lb_disk;

#define PATTERN_SECTOR 512 // the pattern has words for each sector of this size, whatever the blocks are

// The word that fills the sector, counted from the disk's beginning. Each sector has another.
static inline uint64_t pattern_word(const struct order *order, uint64_t sector)
{
	return (sector + 1 + (order->seed << 40)) * 0x9e3779b97f4a7c15ULL;
}

// Writes the target's blocks through a partition on the open disk, and reads them back. The partition must
// give up on the bad blocks, and on no others.
int run_partition(const struct order *order, struct lb_disk *disk, struct lb_error *err);

// Tries the disk; -1 with what went wrong.
int run_order(const struct order *order, struct lb_error *err);

void platform_open(EFI_BOOT_SERVICES *services);

#endif
