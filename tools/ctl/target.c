// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifeboat/dumpdisk.h"
#include "tools/ctl/disk.h"
#include "tools/ctl/file.h"

#define MIB_SECTORS 2048U
#define HEAD_SECTORS MIB_SECTORS // before the first partition, as partitioners leave them
#define TAIL_SECTORS MIB_SECTORS // of the table's backup, and no partition begins after it

static void add(const struct partition *partition, struct target *target)
{
	const size_t used = strlen(target->text);
	char device[DISK_NAME + 16], size[16];

	disk_device(partition->disk, partition->number, device, sizeof(device));
	lb_format_size(size, sizeof(size), partition->sectors * DISK_SECTOR);
	lb_snprintf(target->text + used, sizeof(target->text) - used, "%s%s (PARTLABEL=%s, %s)",
		    target->count++ ? ", " : "", device, partition->name, size);
}

// Longest run of sectors that no partition has.
struct gap {
	uint64_t start, sectors;
	char disk[DISK_NAME];
};

static int by_start(const void *left, const void *right)
{
	const struct partition *one = left, *other = right;

	return one->start < other->start ? -1 : one->start > other->start;
}

static void take_gap(const char *disk, uint64_t from, uint64_t to, struct gap *best)
{
	from = (from + MIB_SECTORS - 1) / MIB_SECTORS * MIB_SECTORS;
	to = to / MIB_SECTORS * MIB_SECTORS;
	if (to <= from || to - from <= best->sectors)
		return;
	*best = (struct gap){.start = from, .sectors = to - from};
	snprintf(best->disk, sizeof(best->disk), "%s", disk);
}

static void take_disk(struct disk *disk, struct target *target, struct gap *best)
{
	uint64_t at = HEAD_SECTORS;

	for (unsigned int i = 0; i < disk->count; i++)
		if (strcmp(disk->partitions[i].type, LB_DUMP_TYPE_TEXT) == 0)
			add(&disk->partitions[i], target);
	// One without a table may hold anything.
	if (disk->count == 0 || disk->sectors < HEAD_SECTORS + TAIL_SECTORS)
		return;
	qsort(disk->partitions, disk->count, sizeof(disk->partitions[0]), by_start);
	for (unsigned int i = 0; i < disk->count; i++) {
		const struct partition *partition = &disk->partitions[i];
		const uint64_t end = partition->start + partition->sectors;

		if (partition->start > at)
			take_gap(disk->name, at, partition->start, best);
		at = end > at ? end : at;
	}
	take_gap(disk->name, at, disk->sectors - TAIL_SECTORS, best);
}

// RAM, one percent of it and 32 MiB hold any dump (docs/capture.md). 0: not known.
static uint64_t wanted_mib(const char *root)
{
	struct lb_error ignored;
	struct content content;
	char path[FILE_PATH];
	const char *at;
	uint64_t kib = 0;

	if (file_path(root, "/proc/meminfo", path, &ignored) != 0 || file_read(path, 65536, &content) != 0)
		return 0;
	at = strstr(content.data, "MemTotal:");
	if (at)
		kib = strtoull(at + strlen("MemTotal:"), NULL, 10);
	free(content.data);
	return kib ? kib / 1024 * 101 / 100 + 33 : 0;
}

static int fail_with_command(const char *root, const struct gap *gap, struct lb_error *err)
{
	const uint64_t wanted = wanted_mib(root);
	char device[DISK_NAME + 16];

	if (!wanted || gap->sectors / MIB_SECTORS < wanted)
		return lb_fail(err,
			       "no partition for dumps, and no disk has %lu MiB without a partition: make "
			       "room, or add a "
			       "disk, then run this again (docs/install.md, 2)",
			       wanted);
	disk_device(gap->disk, 0, device, sizeof(device));
	return lb_fail(err,
		       "no partition for dumps; this makes one: sgdisk -n 0:%lu:+%luM -t 0:" LB_DUMP_TYPE_TEXT
		       " -c 0:lifeboat-dump %s && partprobe %s",
		       gap->start, wanted, device, device);
}

int target_find(const char *root, struct target *ret_target, struct lb_error *err)
{
	static struct disk disk;
	struct gap best = {.sectors = 0};
	struct lb_error ignored;
	char **names;
	const int count = disk_names(root, &names);

	*ret_target = (struct target){.count = 0};
	for (int i = 0; i < count; i++) {
		if (disk_read(root, names[i], &disk, &ignored) == 0)
			take_disk(&disk, ret_target, &best);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return ret_target->count ? 0 : fail_with_command(root, &best, err);
}
