// SPDX-License-Identifier: BSD-2-Clause
#include "tools/ctl/target.h"

#include <stdlib.h>
#include <string.h>

#include "crash/disk/dump_header.h"
#include "crash/disk/gpt.h"
#include "tools/ctl/controller.h"
#include "tools/ctl/disk.h"
#include "tools/ctl/file.h"
#include "tools/ctl/gap.h"
#include "tools/save/device.h"

#define PARTITION_MIN LB_MIB // header, and room for a log

static const uint8_t our_type[LB_UUID_BYTES] = LB_DUMP_TYPE_GUID;

struct reader {
	struct device device;
	uint32_t block_bytes;
};

// One partition that a --dump-to names.
struct match {
	char disk[DISK_NAME];
	unsigned int number;
	uint32_t block_bytes;
	struct lb_gpt_partition partition;
};

struct search {
	const char *root;
	const struct lb_dump_options *dump;
	struct target *target;
	char **disks;
	int disk_count;
};

static bool read_blocks(void *ctx, uint64_t block, uint32_t count, void *data)
{
	const struct reader *reader = ctx;
	struct lb_error ignored;

	return device_read(&reader->device, block * reader->block_bytes, data,
			   (size_t)count * reader->block_bytes, &ignored) == 0;
}

static bool is_one(const char *root, const char *disk, const char *name)
{
	char path[DISK_NAME + 32], line[8];

	lb_snprintf(path, sizeof(path), "/sys/block/%s/%s", disk, name);
	file_line(root, path, line, sizeof(line));
	return strcmp(line, "1") == 0;
}

static int open_disk(const char *root, const char *disk, struct reader *ret_reader, struct lb_error *err)
{
	char device[DISK_NAME + 16], path[FILE_PATH], line[32];

	disk_device(disk, 0, device, sizeof(device));
	if (file_path(root, device, path, err) != 0 || device_open(path, &ret_reader->device, err) != 0)
		return -1;
	lb_snprintf(path, sizeof(path), "/sys/block/%s/queue/logical_block_size", disk);
	file_line(root, path, line, sizeof(line));
	ret_reader->block_bytes = line[0] ? (uint32_t)strtoul(line, NULL, 10) : DISK_SECTOR;
	return 0;
}

// Reads as lb_gpt_read(), into `room`, which *ret_gpt refers to.
static int read_gpt(const char *root, const char *disk, void *room, struct lb_gpt *ret_gpt,
		    struct reader *reader, struct lb_error *err)
{
	struct lb_block_reader blocks = {.name = "its disk", .read = read_blocks, .ctx = reader};
	int result;

	if (open_disk(root, disk, reader, err) != 0)
		return -1;
	blocks.block_bytes = reader->block_bytes;
	blocks.blocks = blocks.block_bytes ? reader->device.bytes / blocks.block_bytes : 0;
	result = blocks.blocks ? lb_gpt_read(&blocks, room, ret_gpt, err) : -1;
	device_close(&reader->device);
	return result;
}

static bool matches(const struct lb_dump_to *to, const struct lb_gpt_partition *partition)
{
	switch (to->by) {
	case LB_DUMP_BY_LABEL:
		return strcmp(partition->name, lb_dump_to_label(to)) == 0;
	case LB_DUMP_BY_UUID:
		return memcmp(partition->uuid, to->uuid, sizeof(to->uuid)) == 0;
	default:
		return memcmp(partition->type, our_type, sizeof(our_type)) == 0;
	}
}

static void leave_out(struct search *search, const struct lb_dump_to *to, const char *device, const char *why)
{
	findings_add(&search->target->notes, FINDING_NOTE, "dump-to %s: %s%s%.360s; left out",
		     to->word[0] ? to->word : "auto", device, device[0] ? ": " : "", why);
}

// ---- One partition -------------------------------------------------------------

static uint64_t bytes_of(const struct match *match)
{
	return (match->partition.last - match->partition.first + 1) * match->block_bytes;
}

// Is a dump there that nobody has saved? Fails where the partition may not be written to.
static int judge_header(const struct search *search, const struct match *match, bool *ret_waits,
			struct lb_error *err)
{
	static struct lb_dump_slots slots;
	struct lb_dump_header header;
	struct lb_error ignored;
	struct reader reader;
	int result;

	if (open_disk(search->root, match->disk, &reader, err) != 0)
		return -1;
	result = device_read(&reader.device, match->partition.first * match->block_bytes, &slots,
			     sizeof(slots), err);
	device_close(&reader.device);
	if (result != 0)
		return -1;
	result = lb_dump_header_choose(&slots, &header, &ignored);
	*ret_waits = result == LB_DUMP_UNREADABLE || (result == 0 && lb_dump_header_unsaved(&header));
	if (!lb_dump_header_in_every_slot(&slots, match->partition.uuid) &&
	    memcmp(match->partition.type, our_type, sizeof(our_type)) != 0)
		return lb_fail(err, "neither is it of the type " LB_DUMP_TYPE_TEXT
				    ", nor has it whole headers that Lifeboat made for it");
	return 0;
}

static int examine(const struct search *search, const struct match *match, bool *ret_waits,
		   struct lb_error *err)
{
	if (is_one(search->root, match->disk, "removable"))
		return lb_fail(err, "it is on a removable medium");
	if (is_one(search->root, match->disk, "ro"))
		return lb_fail(err, "its disk is read-only");
	if (controller_judge(search->root, match->disk, err) != 0)
		return -1;
	if (bytes_of(match) < PARTITION_MIN)
		return lb_fail(err, "it has %lu bytes, wanted a MiB at least", bytes_of(match));
	return judge_header(search, match, ret_waits, err);
}

static void add(struct search *search, const struct match *match, const char *device)
{
	struct target *target = search->target;
	const uint64_t worst = gap_wanted_mib(search->root) * LB_MIB;
	char size[16], wanted[16];

	for (unsigned int i = 0; i < target->count; i++)
		if (strcmp(target->list[i].device, device) == 0)
			return;
	if (target->count == TARGETS_MAX)
		return;
	lb_format_size(size, sizeof(size), bytes_of(match));
	lb_snprintf(target->list[target->count].device, sizeof(target->list[0].device), "%s", device);
	lb_snprintf(target->list[target->count].text, TARGET_TEXT, "%s (PARTLABEL=%s, %s)", device,
		    match->partition.name, size);
	target->count++;
	if (bytes_of(match) < worst)
		findings_add(&target->notes, FINDING_NOTE,
			     "%s has %s; a dump that nothing can be left out of takes %s", device, size,
			     lb_format_size(wanted, sizeof(wanted), worst));
}

static void take(struct search *search, const struct lb_dump_to *to, const struct match *match)
{
	char device[DISK_NAME + 16];
	struct lb_error err;
	bool waits = false;

	disk_device(match->disk, match->number, device, sizeof(device));
	if (examine(search, match, &waits, &err) != 0) {
		leave_out(search, to, device, err.text);
	} else if (waits && !search->dump->overwrite) {
		search->target->kept++;
		leave_out(search, to, device, "a dump waits there: lifeboatctl save");
	} else {
		add(search, match, device);
	}
}

// ---- All of them ---------------------------------------------------------------

// Looks for the partitions of one disk that `to` names. *ret_last: the last of them. Returns their number.
static unsigned int look(struct search *search, const struct lb_dump_to *to, const char *disk,
			 struct match *ret_last)
{
	static uint8_t room[LB_GPT_ROOM];
	struct lb_error foreign = {""};
	struct reader reader;
	struct match match = {.number = 0};
	struct lb_gpt gpt;
	const int result = read_gpt(search->root, disk, room, &gpt, &reader, &foreign);
	unsigned int count = 0;

	for (uint32_t i = 0; result != -1 && i < gpt.count; i++) {
		char device[DISK_NAME + 16];

		if (!lb_gpt_partition(&gpt, i, &match.partition) || !matches(to, &match.partition))
			continue;
		lb_snprintf(match.disk, sizeof(match.disk), "%s", disk);
		match.number = i + 1;
		match.block_bytes = reader.block_bytes;
		count++;
		*ret_last = match;
		if (result != 0)
			leave_out(search, to, disk_device(disk, i + 1, device, sizeof(device)), foreign.text);
		else if (to->by == LB_DUMP_BY_TYPE)
			take(search, to, &match);
	}
	return result == 0 ? count : 0;
}

// A label or a UUID may name one partition only.
static void resolve(struct search *search, const struct lb_dump_to *to)
{
	const unsigned int notes = search->target->notes.count;
	unsigned int count = 0;
	struct match match = {.number = 0};

	// A file is judged by reserve_judge().
	if (to->by == LB_DUMP_BY_FILE) {
		search->target->files++;
		return;
	}
	for (int i = 0; i < search->disk_count; i++)
		count += look(search, to, search->disks[i], &match);
	if (to->by == LB_DUMP_BY_TYPE)
		return;
	if (count > 1)
		leave_out(search, to, "", "there is more than one such partition");
	else if (count == 1)
		take(search, to, &match);
	else if (search->target->notes.count == notes)
		leave_out(search, to, "", "there is no such partition on a disk with a GPT");
}

int target_find(const char *root, const struct lb_dump_options *dump, struct target *ret_target,
		struct lb_error *err)
{
	static const struct lb_dump_to automatic = {.by = LB_DUMP_BY_TYPE};
	struct search search = {.root = root, .dump = dump, .target = ret_target};

	*ret_target = (struct target){.any = !dump->to_count};
	search.disk_count = disk_names(root, &search.disks);
	for (uint32_t i = 0; i < dump->to_count; i++)
		resolve(&search, &dump->to[i]);
	if (!dump->to_count)
		resolve(&search, &automatic);
	for (int i = 0; i < search.disk_count; i++)
		free(search.disks[i]);
	if (search.disk_count >= 0)
		free(search.disks);
	return ret_target->count || ret_target->kept || ret_target->files ? 0 : gap_fail(root, dump, err);
}

int target_disk_guid(const char *root, const char *disk, uint8_t ret_guid[LB_UUID_BYTES],
		     struct lb_error *err)
{
	static uint8_t room[LB_GPT_ROOM];
	struct reader reader;
	struct lb_gpt gpt;

	if (read_gpt(root, disk, room, &gpt, &reader, err) != 0)
		return -1;
	memcpy(ret_guid, gpt.disk_guid, LB_UUID_BYTES);
	return 0;
}
