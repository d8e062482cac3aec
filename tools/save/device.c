// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int measure(const struct device *device, uint64_t *ret_bytes, struct lb_error *err)
{
	struct stat status;

	if (fstat(device->fd, &status))
		return lb_fail(err, "%s: %s", device->name, strerror(errno));
	if (S_ISREG(status.st_mode)) {
		*ret_bytes = (uint64_t)status.st_size;
		return 0;
	}
	if (!S_ISBLK(status.st_mode))
		return lb_fail(err, "%s: neither a block device nor a file", device->name);
	if (ioctl(device->fd, BLKGETSIZE64, ret_bytes))
		return lb_fail(err, "%s: its size: %s", device->name, strerror(errno));
	return 0;
}

int device_open(const char *path, struct device *ret_device, struct lb_error *err)
{
	struct device device = {.fd = -1};

	if (strlen(path) >= sizeof(device.path))
		return lb_fail(err, "%.40s...: a path of %zu characters, at most %zu", path, strlen(path),
			       sizeof(device.path) - 1);
	snprintf(device.path, sizeof(device.path), "%s", path);
	snprintf(device.name, sizeof(device.name), "%s", path);
	device.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (device.fd < 0)
		return lb_fail(err, "%s: %s", path, strerror(errno));
	if (measure(&device, &device.bytes, err) != 0) {
		close(device.fd);
		return -1;
	}
	*ret_device = device;
	return 0;
}

int device_set_immutable(int fd, bool immutable)
{
	int flags, wanted;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return -1;
	wanted = immutable ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	return wanted == flags ? 0 : ioctl(fd, FS_IOC_SETFLAGS, &wanted);
}

static bool is_immutable(int fd)
{
	struct stat status;
	int flags;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL);
}

int device_make_writable(struct device *device, struct lb_error *err)
{
	int fd;

	if (!device->unlocked && is_immutable(device->fd))
		device->unlocked = device_set_immutable(device->fd, false) == 0;
	fd = open(device->path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return lb_fail(err, "%s: cannot be opened for marking: %s; --keep does without the mark",
			       device->path, strerror(errno));
	close(device->fd);
	device->fd = fd;
	return 0;
}

void device_close(struct device *device)
{
	if (device->unlocked)
		device_set_immutable(device->fd, true);
	if (device->fd >= 0)
		close(device->fd);
	device->fd = -1;
	device->unlocked = false;
}

static int check_place(const struct device *device, uint64_t offset, size_t bytes, struct lb_error *err)
{
	uint64_t end;

	if (__builtin_add_overflow(offset, bytes, &end) || end > device->bytes)
		return lb_fail(err, "%s: %zu bytes at %lu wanted, it ends at %lu", device->name, bytes,
			       offset, device->bytes);
	return 0;
}

int device_read(const struct device *device, uint64_t offset, void *data, size_t bytes, struct lb_error *err)
{
	uint8_t *to = data;

	if (check_place(device, offset, bytes, err) != 0)
		return -1;
	while (bytes) {
		const ssize_t got = pread(device->fd, to, bytes, (off_t)(device->start + offset));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return lb_fail(err, "%s: reading %zu bytes at %lu: %s", device->name, bytes, offset,
				       got ? strerror(errno) : "it ended there");
		to += got;
		offset += (uint64_t)got;
		bytes -= (size_t)got;
	}
	return 0;
}

int device_write(const struct device *device, uint64_t offset, const void *data, size_t bytes,
		 struct lb_error *err)
{
	ssize_t put;

	if (check_place(device, offset, bytes, err) != 0)
		return -1;
	do {
		put = pwrite(device->fd, data, bytes, (off_t)(device->start + offset));
	} while (put < 0 && errno == EINTR);
	if (put != (ssize_t)bytes || fsync(device->fd))
		return lb_fail(err, "%s: writing %zu bytes at %lu: %s", device->name, bytes, offset,
			       put >= 0 && put != (ssize_t)bytes ? "cut short" : strerror(errno));
	return 0;
}
