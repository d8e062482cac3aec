// SPDX-License-Identifier: BSD-2-Clause
#include "tools/save/partition.h"

#include <stdio.h>
#include <string.h>

#include "crash/disk/gpt.h"
#include "lifeboat/dumpdisk.h"

struct reader {
	const struct device *device;
	uint32_t block_bytes;
};

static bool read_blocks(void *ctx, uint64_t block, uint32_t count, void *data)
{
	const struct reader *reader = ctx;
	struct lb_error ignored = {""};

	return device_read(reader->device, block * reader->block_bytes, data,
			   (size_t)count * reader->block_bytes, &ignored) == 0;
}

static int look(const struct device *disk, const struct lb_gpt *gpt, uint32_t block_bytes,
		unsigned int wanted, struct device *ret_partition)
{
	static const uint8_t ours[LB_UUID_BYTES] = LB_DUMP_TYPE_GUID;
	struct lb_gpt_partition entry;
	unsigned int found = 0;

	for (uint32_t i = 0; i < gpt->count; i++) {
		if (!lb_gpt_partition(gpt, i, &entry) || memcmp(entry.type, ours, sizeof(ours)) != 0)
			continue;
		if (found++ != wanted)
			continue;
		*ret_partition = *disk;
		ret_partition->start = entry.first * block_bytes;
		ret_partition->bytes = (entry.last - entry.first + 1) * block_bytes;
		snprintf(ret_partition->name, sizeof(ret_partition->name), "%.200s, partition %u", disk->name,
			 i + 1);
	}
	return (int)found;
}

int partition_find(const struct device *disk, unsigned int wanted, struct device *ret_partition,
		   struct lb_error *err)
{
	static const uint32_t sizes[] = {512, 4096};
	static uint8_t room[LB_GPT_ROOM];

	// An image does not say which size it is made for; only one of them has a table there.
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct reader reader = {disk, sizes[i]};
		const struct lb_block_reader blocks = {disk->name, sizes[i], disk->bytes / sizes[i],
						       read_blocks, &reader};
		struct lb_error why = {""};
		struct lb_gpt gpt;
		const int result = lb_gpt_read(&blocks, room, &gpt, &why);
		int found;

		if (result == -1)
			continue;
		found = look(disk, &gpt, sizes[i], wanted, ret_partition);
		if (found && result != 0)
			return lb_fail(err, "%s; its partition of type %s is left alone", why.text,
				       LB_DUMP_TYPE_TEXT);
		if (found)
			return found;
	}
	lb_fail(err, "%s: neither Lifeboat's dump header nor a GPT partition of type %s is on it", disk->name,
		LB_DUMP_TYPE_TEXT);
	return 0;
}
