// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/gap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifeboat/dumpdisk.h"
#include "tools/ctl/controller.h"
#include "tools/ctl/disk.h"
#include "tools/ctl/file.h"

#define MIB_SECTORS 2048U
#define HEAD_SECTORS MIB_SECTORS // before the first partition, as partitioners leave them
#define TAIL_SECTORS MIB_SECTORS // for the backup table; no partition begins in it

// Longest run of sectors that no partition has.
struct gap {
	uint64_t start, sectors;
	uint64_t disk_block_sectors; // sectors of the disk's logical block, in which sgdisk counts
	char disk[DISK_NAME];
};

static int by_start(const void *left, const void *right)
{
	const struct partition *one = left, *other = right;

	return one->start < other->start ? -1 : one->start > other->start;
}

static void take_gap(const struct disk *disk, uint64_t from, uint64_t to, struct gap *best)
{
	from = (from + MIB_SECTORS - 1) / MIB_SECTORS * MIB_SECTORS;
	to = to / MIB_SECTORS * MIB_SECTORS;
	if (to <= from || to - from <= best->sectors)
		return;
	*best = (struct gap){.start = from,
			     .sectors = to - from,
			     .disk_block_sectors = disk->partitions[0].block_bytes / DISK_SECTOR};
	snprintf(best->disk, sizeof(best->disk), "%s", disk->name);
}

static void take_disk(struct disk *disk, struct gap *best)
{
	uint64_t at = HEAD_SECTORS;

	// A disk without a table may hold anything.
	if (disk->count == 0 || disk->sectors < HEAD_SECTORS + TAIL_SECTORS)
		return;
	qsort(disk->partitions, disk->count, sizeof(disk->partitions[0]), by_start);
	for (unsigned int i = 0; i < disk->count; i++) {
		const struct partition *partition = &disk->partitions[i];
		const uint64_t end = partition->start + partition->sectors;

		if (partition->start > at)
			take_gap(disk, at, partition->start, best);
		at = end > at ? end : at;
	}
	take_gap(disk, at, disk->sectors - TAIL_SECTORS, best);
}

static void find(const char *root, struct gap *best)
{
	static struct disk disk;
	struct lb_error ignored;
	char **names;
	const int count = disk_names(root, &names);

	for (int i = 0; i < count; i++) {
		if (controller_judge(root, names[i], &ignored) == 0 &&
		    disk_read(root, names[i], &disk, &ignored) == 0)
			take_disk(&disk, best);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

// Any dump fits into RAM, one percent of it and 32 MiB (docs/capture.md).
uint64_t gap_wanted_mib(const char *root)
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

// Prints sgdisk's arguments for what a --dump-to asks for. A name goes into a shell's line unchanged.
static void name_words(const struct lb_dump_options *dump, char *ret_words, size_t room)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+";
	const struct lb_dump_to *to = &dump->to[0];
	const char *label = dump->to_count && to->by == LB_DUMP_BY_LABEL ? lb_dump_to_label(to) : "";
	char uuid[LB_UUID_TEXT];

	if (!label[0] || label[strspn(label, plain)])
		label = "lifeboat-dump";
	if (dump->to_count && to->by == LB_DUMP_BY_UUID)
		snprintf(ret_words, room, "-c 0:%s -u 0:%s", label, lb_uuid_format(to->uuid, uuid));
	else
		snprintf(ret_words, room, "-c 0:%s", label);
}

int gap_fail(const char *root, const struct lb_dump_options *dump, struct lb_error *err)
{
	const uint64_t wanted = gap_wanted_mib(root);
	struct gap best = {.sectors = 0};
	char device[DISK_NAME + 16], words[256];

	find(root, &best);
	if (!wanted || best.sectors / MIB_SECTORS < wanted)
		return lb_fail(err,
			       "no partition for dumps, and no disk has %lu MiB without a partition: make "
			       "room, or add a disk, then run this again (docs/install.md, 3)",
			       wanted);
	disk_device(best.disk, 0, device, sizeof(device));
	name_words(dump, words, sizeof(words));
	return lb_fail(err,
		       "no partition for dumps; this makes one: sgdisk -n 0:%lu:+%luM -t 0:" LB_DUMP_TYPE_TEXT
		       " %s %s && partprobe %s",
		       best.start / best.disk_block_sectors, wanted, words, device, device);
}
