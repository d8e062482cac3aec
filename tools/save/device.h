// SPDX-License-Identifier: BSD-2-Clause
// Bytes of a block device or an image file, and of a partition on it.
#ifndef LIFEBOAT_TOOLS_SAVE_DEVICE_H
#define LIFEBOAT_TOOLS_SAVE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/format.h"

struct device {
	char path[256];
	char name[256]; // as messages call it
	int fd;
	uint64_t start; // of the partition, in the device
	uint64_t bytes; // of the partition
	bool unlocked; // a file that was immutable, and is to be so again
};

// The whole of it, for reading only.
int device_open(const char *path, struct device *ret_device, struct lb_error *err);
// Makes device_write() possible. A file that is immutable is not until device_close(); where that is cut
// off, it stays so.
int device_make_writable(struct device *device, struct lb_error *err);
// -1 with errno, also where its file system does not know that.
int device_set_immutable(int fd, bool immutable);
void device_close(struct device *device);

// Offsets count from the partition's beginning; beyond its end nothing is read or written.
int device_read(const struct device *device, uint64_t offset, void *data, size_t bytes, struct lb_error *err);
// On the disk when it returns.
int device_write(const struct device *device, uint64_t offset, const void *data, size_t bytes,
		 struct lb_error *err);

#endif
