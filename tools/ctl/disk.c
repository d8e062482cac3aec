// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE // versionsort()
#include "tools/ctl/disk.h"

#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/text_line.h"
#include "tools/ctl/file.h"

int disk_names(const char *root, char ***ret_names)
{
	struct dirent **entries;
	struct lb_error ignored;
	char path[FILE_PATH];
	char **names;
	int count, used = 0;

	if (file_path(root, "/sys/block", path, &ignored) != 0)
		return -1;
	count = scandir(path, &entries, NULL, versionsort);
	if (count < 0)
		return -1;
	names = calloc((size_t)count + 1, sizeof(*names));
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		if (names && name[0] != '.' && strlen(name) < DISK_NAME)
			names[used++] = strdup(name);
		free(entries[i]);
	}
	free(entries);
	*ret_names = names;
	return names ? used : -1;
}

char *disk_device(const char *disk, unsigned int number, char *text, size_t bytes)
{
	const size_t length = strlen(disk);
	const char *joint = length && disk[length - 1] >= '0' && disk[length - 1] <= '9' ? "p" : "";

	if (number)
		snprintf(text, bytes, "/dev/%s%s%u", disk, joint, number);
	else
		snprintf(text, bytes, "/dev/%s", disk);
	// The '!' of a name in sysfs stands for the '/' of a device in a folder (cciss!c0d0).
	for (char *c = text; *c; c++)
		if (*c == '!')
			*c = '/';
	return text;
}

static uint64_t sysfs_number(const char *root, const char *disk, const char *name, uint64_t otherwise)
{
	char path[DISK_NAME + 64], line[32];

	snprintf(path, sizeof(path), "/sys/block/%s/%s", disk, name);
	file_line(root, path, line, sizeof(line));
	return line[0] ? strtoull(line, NULL, 10) : otherwise;
}

static void copy_text(char *to, size_t room, const char *from)
{
	lb_text_line(from ? from : "", from ? strlen(from) : 0, to, room);
}

static void take_partition(blkid_partition found, struct partition *partition)
{
	partition->number = (unsigned int)blkid_partition_get_partno(found);
	partition->start = (uint64_t)blkid_partition_get_start(found);
	partition->sectors = (uint64_t)blkid_partition_get_size(found);
	copy_text(partition->type, sizeof(partition->type), blkid_partition_get_type_string(found));
	copy_text(partition->uuid, sizeof(partition->uuid), blkid_partition_get_uuid(found));
	copy_text(partition->name, sizeof(partition->name), blkid_partition_get_name(found));
}

static void take_table(blkid_probe probe, uint32_t block_bytes, struct disk *disk)
{
	blkid_partlist list;
	blkid_parttable table;

	blkid_probe_enable_partitions(probe, 1);
	list = blkid_probe_get_partitions(probe);
	table = list ? blkid_partlist_get_table(list) : NULL;
	if (!table || strcmp(blkid_parttable_get_type(table), "gpt") != 0)
		return;
	for (int i = 0; i < blkid_partlist_numof_partitions(list) && disk->count < DISK_PARTITIONS; i++) {
		struct partition *partition = &disk->partitions[disk->count++];

		memcpy(partition->disk, disk->name, sizeof(partition->disk));
		partition->block_bytes = block_bytes;
		take_partition(blkid_partlist_get_partition(list, i), partition);
	}
}

int disk_read(const char *root, const char *name, struct disk *ret_disk, struct lb_error *err)
{
	const uint64_t block_bytes = sysfs_number(root, name, "queue/logical_block_size", DISK_SECTOR);
	char device[DISK_NAME + 16], path[FILE_PATH];
	blkid_probe probe;

	*ret_disk = (struct disk){.count = 0};
	snprintf(ret_disk->name, sizeof(ret_disk->name), "%s", name);
	disk_device(name, 0, device, sizeof(device));
	if (file_path(root, device, path, err) != 0)
		return -1;
	probe = blkid_new_probe_from_filename(path);
	if (!probe)
		return lb_fail(err, "%s: %s", device, strerror(errno));
	blkid_probe_set_sectorsize(probe, (unsigned int)block_bytes);
	ret_disk->sectors = (uint64_t)blkid_probe_get_sectors(probe);
	take_table(probe, (uint32_t)block_bytes, ret_disk);
	blkid_free_probe(probe);
	return 0;
}

int disk_partition_of(const char *root, const char *numbers, struct partition *ret_partition,
		      struct lb_error *err)
{
	static struct disk disk;
	char link[128], path[FILE_PATH], folder[PATH_MAX], line[16], *slash;
	unsigned int number;

	snprintf(link, sizeof(link), "/sys/dev/block/%.32s/partition", numbers);
	file_line(root, link, line, sizeof(line));
	number = (unsigned int)strtoul(line, NULL, 10);
	snprintf(link, sizeof(link), "/sys/dev/block/%.32s", numbers);
	// The folder is .../DISK/PARTITION.
	if (!number || file_path(root, link, path, err) != 0 || !realpath(path, folder))
		return lb_fail(err, "block device %.32s is no partition of a disk", numbers);
	*strrchr(folder, '/') = '\0';
	slash = strrchr(folder, '/');
	if (!slash || disk_read(root, slash + 1, &disk, err) != 0)
		return -1;
	for (unsigned int i = 0; i < disk.count; i++) {
		if (disk.partitions[i].number == number) {
			*ret_partition = disk.partitions[i];
			return 0;
		}
	}
	return lb_fail(err, "/dev/%.32s: partition %u is not in a GPT", slash + 1, number);
}
