// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // versionsort()
#include "tools/save/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "crash/disk/dump_header.h"
#include "crash/disk/file_map.h"
#include "tools/save/partition.h"

#define SYS_BLOCK "/sys/block"

static void add_error(struct scan *scan, const struct lb_error *err)
{
	if (scan->error_count < SCAN_ERRORS)
		scan->errors[scan->error_count++] = *err;
}

// The dump that is there already: the same of the same partition, reached in another way.
static struct dump *find_twin(struct scan *scan, const struct dump *dump)
{
	for (unsigned int i = 0; i < scan->dump_count; i++) {
		const struct lb_dump_header *header = &scan->dumps[i].header;

		if (!memcmp(header->arm_id, dump->header.arm_id, sizeof(header->arm_id)) &&
		    !memcmp(header->partuuid, dump->header.partuuid, sizeof(header->partuuid)))
			return &scan->dumps[i];
	}
	return NULL;
}

static void add_dump(struct scan *scan, struct dump *dump)
{
	struct dump *twin = find_twin(scan, dump);
	struct lb_error err;

	if (!twin && scan->dump_count < SCAN_DUMPS) {
		scan->dumps[scan->dump_count++] = *dump;
		return;
	}
	if (!twin) {
		lb_fail(&err, "%s: one dump more than the %u that one run can handle", dump->device.name,
			SCAN_DUMPS);
		add_error(scan, &err);
	} else if (twin->header.saved && !dump->header.saved) {
		const struct dump other = *twin; // of a disk's copies, the one that waits

		*twin = *dump;
		*dump = other;
	}
	dump_close(dump);
}

// The device is the dump's, or closed.
static void add_device(struct scan *scan, struct device *device)
{
	struct lb_error err;
	struct dump dump;

	if (dump_open(device, &dump, &err) == 0) {
		add_dump(scan, &dump);
		return;
	}
	add_error(scan, &err);
	device_close(device);
}

// Was it never armed? One that cannot be read may have been.
static bool is_blank(const struct device *partition)
{
	struct lb_error ignored;
	uint64_t first;

	return device_read(partition, 0, &first, sizeof(first), &ignored) == 0 && !dump_present(partition);
}

// Partition `number` of ours, from 0. One that was never armed has no header.
static void add_partition(struct scan *scan, const char *path, unsigned int number)
{
	struct device disk, partition;
	struct lb_error err;

	if (device_open(path, &disk, &err) != 0) {
		add_error(scan, &err);
		return;
	}
	if (partition_find(&disk, number, &partition, &err) <= (int)number) {
		add_error(scan, &err);
		device_close(&disk);
	} else if (!is_blank(&partition)) {
		add_device(scan, &partition);
	} else {
		device_close(&disk);
	}
}

// False: it is no map of a file for dumps, whole or not.
static bool read_map(const struct device *device, struct lb_file_map *ret_map)
{
	struct lb_error ignored;

	return device->bytes == sizeof(*ret_map) &&
	       device_read(device, 0, ret_map, sizeof(*ret_map), &ignored) == 0 &&
	       ret_map->magic == LB_FILE_MAP_MAGIC;
}

// The file that a map names. One that was never armed has no header.
static void add_mapped(struct scan *scan, const char *path, const struct lb_file_map *map)
{
	struct device file;
	struct lb_error err, why;

	if (lb_file_map_check(map, sizeof(*map), &why) != 0)
		lb_fail(&err, "%.100s: %s", path, why.text);
	else if (device_open(map->host_path, &file, &why) != 0)
		lb_fail(&err, "%.100s names a file that cannot be read: %s", path, why.text);
	else if (dump_present(&file))
		return add_device(scan, &file);
	else
		return device_close(&file);
	add_error(scan, &err);
}

// Beside lifeboat.efi, on an ESP where it is usually mounted: opening it has an automount do its work.
static void add_reserved(struct scan *scan, bool named)
{
	static const char *const maps[] = {"/efi/EFI/lifeboat/" LB_FILE_MAP_NAME,
					   "/boot/efi/EFI/lifeboat/" LB_FILE_MAP_NAME,
					   "/boot/EFI/lifeboat/" LB_FILE_MAP_NAME};
	struct lb_file_map map;
	struct device device;
	struct lb_error err;

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		if (access(maps[i], F_OK) != 0 || device_open(maps[i], &device, &err) != 0)
			continue;
		if (read_map(&device, &map)) {
			add_mapped(scan, maps[i], &map);
			named = false;
		}
		device_close(&device);
	}
	if (!named)
		return;
	lb_fail(&err,
		"no file for dumps: none of /efi, /boot/efi and /boot has EFI/lifeboat/" LB_FILE_MAP_NAME);
	add_error(scan, &err);
}

// Does the kernel call it a partition? Its type is in a table that is not on it.
static bool is_partition(const char *path)
{
	struct stat status;
	char name[64];

	if (stat(path, &status) != 0 || !S_ISBLK(status.st_mode))
		return false;
	snprintf(name, sizeof(name), "/sys/dev/block/%u:%u/partition", major(status.st_rdev),
		 minor(status.st_rdev));
	return access(name, F_OK) == 0;
}

// Adds a disk. Nothing of ours on it is an error if it is `named`, and no partition: the unit names those
// of our type, armed or not.
static void add_disk(struct scan *scan, const char *path, bool named)
{
	struct device disk, ignored;
	struct lb_file_map map;
	struct lb_error err;
	uint64_t first;
	int count;

	if (device_open(path, &disk, &err) != 0) {
		add_error(scan, &err);
		return;
	}
	if (dump_present(&disk)) {
		add_device(scan, &disk);
		return;
	}
	if (read_map(&disk, &map)) {
		add_mapped(scan, path, &map);
		device_close(&disk);
		return;
	}
	if (disk.bytes >= sizeof(first) && device_read(&disk, 0, &first, sizeof(first), &err) != 0)
		count = -1;
	else
		count = partition_find(&disk, 0, &ignored, &err);
	device_close(&disk);
	if (count < 0 || (count == 0 && named && !is_partition(path)))
		add_error(scan, &err);
	for (int i = 0; i < count; i++)
		add_partition(scan, path, (unsigned int)i);
}

// A number in a file of sysfs, or `otherwise`.
static unsigned long sysfs_number(const char *disk, const char *name, unsigned long otherwise)
{
	char path[600], text[32];
	unsigned long value = otherwise;
	FILE *file;

	snprintf(path, sizeof(path), SYS_BLOCK "/%s/%s", disk, name);
	file = fopen(path, "re");
	if (!file)
		return otherwise;
	if (fgets(text, sizeof(text), file))
		value = strtoul(text, NULL, 10);
	fclose(file);
	return value;
}

// A drive without a medium, a loop device without a file, a path of a multipath NVMe namespace,
// which has no node of its own.
static bool is_empty(const char *disk, const char *path)
{
	bool empty;
	int fd;

	if (sysfs_number(disk, "size", 1) == 0 || sysfs_number(disk, "hidden", 0) != 0)
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	empty = fd < 0 && (errno == ENOMEDIUM || errno == EMEDIUMTYPE || errno == ENXIO);
	if (fd >= 0)
		close(fd);
	return empty;
}

static void add_machine(struct scan *scan)
{
	struct dirent **entries;
	const int count = scandir(SYS_BLOCK, &entries, NULL, versionsort);
	struct lb_error err;

	if (count < 0) {
		lb_fail(&err, SYS_BLOCK ": %s", strerror(errno));
		add_error(scan, &err);
		return;
	}
	for (int i = 0; i < count; i++) {
		char path[300];

		snprintf(path, sizeof(path), "/dev/%s", entries[i]->d_name);
		// The '!' of a name in sysfs stands for the '/' of a device in a folder (cciss!c0d0).
		for (char *c = path; *c; c++)
			if (*c == '!')
				*c = '/';
		if (entries[i]->d_name[0] != '.' && !is_empty(entries[i]->d_name, path))
			add_disk(scan, path, false);
		free(entries[i]);
	}
	free(entries);
}

void scan_open(const char *path, struct scan *ret_scan)
{
	memset(ret_scan, 0, sizeof(*ret_scan));
	if (!strcmp(path, SCAN_AUTO)) {
		add_machine(ret_scan);
		add_reserved(ret_scan, false);
	} else if (!strcmp(path, SCAN_FILE)) {
		add_reserved(ret_scan, true);
	} else {
		add_disk(ret_scan, path, true);
	}
}

void scan_close(struct scan *scan)
{
	for (unsigned int i = 0; i < scan->dump_count; i++)
		dump_close(&scan->dumps[i]);
	scan->dump_count = 0;
}

struct dump *scan_first(struct scan *scan)
{
	for (unsigned int i = 0; i < scan->dump_count; i++)
		if (lb_dump_header_unsaved(&scan->dumps[i].header))
			return &scan->dumps[i];
	return scan->dump_count ? &scan->dumps[0] : NULL;
}

unsigned int scan_waiting(const struct scan *scan)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < scan->dump_count; i++)
		count += lb_dump_header_unsaved(&scan->dumps[i].header);
	return count;
}
