// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/erase.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash/disk/stamp.h"
#include "tools/save/output.h"

#define PIECE (1U << 20)

static bool is_file(const struct dump *dump)
{
	return dump->header.flags & LB_DUMP_FLAG_FILE;
}

static bool is_block_device(const struct device *device)
{
	struct stat status;

	return fstat(device->fd, &status) == 0 && S_ISBLK(status.st_mode);
}

bool erase_is_due(const struct dump *dump)
{
	return !(dump->header.flags & LB_DUMP_FLAG_ERASED) &&
	       (is_file(dump) || is_block_device(&dump->device));
}

static int discard(const struct device *device, uint64_t bytes)
{
	uint64_t range[2] = {device->start + LB_DUMP_SLOTS_BYTES, bytes - LB_DUMP_SLOTS_BYTES};

	return ioctl(device->fd, BLKDISCARD, range);
}

static void make_content(const struct dump *dump, uint64_t offset, uint8_t *piece, size_t bytes)
{
	if (is_file(dump))
		lb_stamp_fill(dump->header.partuuid, offset, piece, bytes);
	else
		memset(piece, 0, bytes);
}

// Writes only the blocks that differ: most are right already.
static int overwrite(const struct dump *dump, uint64_t whole, struct lb_error *err)
{
	static _Alignas(8) uint8_t wanted[PIECE], found[PIECE];
	const struct device *device = &dump->device;

	for (uint64_t at = LB_DUMP_SLOTS_BYTES; at < whole; at += PIECE) {
		const size_t bytes = whole - at < PIECE ? (size_t)(whole - at) : PIECE;

		make_content(dump, at, wanted, bytes);
		if (device_read(device, at, found, bytes, err) != 0)
			return -1;
		if (memcmp(wanted, found, bytes) != 0 &&
		    output_write(device->fd, device->start + at, wanted, bytes, err) != 0)
			return -1;
	}
	return fsync(device->fd) == 0 ? 0 : lb_fail(err, "%s: %s", device->name, strerror(errno));
}

int erase_dump(struct dump *dump, struct lb_error *err)
{
	// The bytes after a file's last whole block are never written.
	const uint64_t whole = is_file(dump) ? dump->header.partition_bytes / LB_DUMP_BLOCK * LB_DUMP_BLOCK
					     : dump->device.bytes;
	struct lb_error why;

	if (whole > dump->device.bytes || whole < LB_DUMP_SLOTS_BYTES)
		return lb_fail(err, "%s: not erased: it has %lu bytes, the header says %lu",
			       dump->device.name, dump->device.bytes, whole);
	if ((is_file(dump) || discard(&dump->device, whole) != 0) && overwrite(dump, whole, &why) != 0)
		return lb_fail(err, "%s: not erased: %s", dump->device.name, why.text);
	return dump_mark_erased(dump, err);
}
