// SPDX-License-Identifier: BSD-2-Clause
// The machine's disks and their GPT partitions, by sysfs and libblkid below a root.
#ifndef LIFEBOAT_TOOLS_CTL_DISK_H
#define LIFEBOAT_TOOLS_CTL_DISK_H

#include <stdint.h>

#include "lib/format.h"

#define DISK_NAME 64U
#define DISK_PARTITIONS 128U
#define DISKS_MAX 64U
#define DISK_SECTOR 512U

#define ESP_TYPE_TEXT "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

struct partition {
	char disk[DISK_NAME]; // as in sysfs: "vda", "cciss!c0d0"
	unsigned int number;
	uint64_t start, sectors; // of 512 bytes
	uint32_t block_bytes; // the disk's logical block
	char type[37], uuid[37], name[40]; // lower case; the name is printable
};

struct disk {
	char name[DISK_NAME];
	uint64_t sectors;
	struct partition partitions[DISK_PARTITIONS];
	unsigned int count; // 0 also where there is no GPT
};

// The names of all disks, sorted by name. The caller frees each, and the list. -1: there is no sysfs.
int disk_names(const char *root, char ***ret_names);
// Reads one disk's partitions. Fails where it cannot be read. A disk without a GPT has none.
int disk_read(const char *root, const char *name, struct disk *ret_disk, struct lb_error *err);
// The partition whose device has these numbers, "MAJOR:MINOR".
int disk_partition_of(const char *root, const char *numbers, struct partition *ret_partition,
		      struct lb_error *err);

// "/dev/nvme0n1", or with a number "/dev/nvme0n1p2".
char *disk_device(const char *disk, unsigned int number, char *text, size_t bytes);

#endif
