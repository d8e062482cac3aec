// SPDX-License-Identifier: BSD-2-Clause
#include "crash/disk/target_check.h"

#include "crash/disk/gpt.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"

int lb_target_is_disk(const struct lb_target *target, const char *name, const struct lb_disk *disk,
		      struct lb_error *err)
{
	if (disk->block_bytes != target->block_bytes ||
	    (disk->block_bytes != 512 && disk->block_bytes != 4096))
		return lb_fail(err, "%.63s: blocks of %u bytes, the target was chosen with %u", name,
			       disk->block_bytes, target->block_bytes);
	if (disk->blocks <= target->last_block)
		return lb_fail(err, "%.63s: has %lu blocks, the target's last is %lu", name, disk->blocks,
			       target->last_block);
	return 0;
}

struct reader {
	struct lb_disk *disk;
	void *page; // buffer for the disk's reads
};

// Reads one page at most, and waits for it.
static bool read_page(const struct reader *reader, uint64_t block, uint32_t bytes)
{
	struct lb_disk *disk = reader->disk;
	const struct lb_disk_request request = {
		.op = LB_DISK_READ, .block = block, .buffer = reader->page, .bytes = bytes};
	struct lb_deadline deadline = lb_deadline_in(LB_DISK_TIMEOUT_MS);
	struct lb_error err;
	uint32_t tag;
	int done;

	if (disk->driver->submit(disk, &request, &err) != 0)
		return false;
	do {
		lb_pause();
		done = disk->driver->poll(disk, &tag, &err);
	} while (done == 0 && !lb_deadline_passed(deadline));
	return done == 1 && tag == 0;
}

static bool read_blocks(void *ctx, uint64_t block, uint32_t count, void *data)
{
	const struct reader *reader = ctx;
	uint32_t block_bytes = reader->disk->block_bytes, at_once = LB_PAGE / block_bytes;
	uint8_t *to = data;

	while (count) {
		uint32_t blocks = count < at_once ? count : at_once;

		if (!read_page(reader, block, blocks * block_bytes))
			return false;
		memcpy(to, reader->page, (size_t)blocks * block_bytes);
		to += (size_t)blocks * block_bytes;
		block += blocks;
		count -= blocks;
	}
	return true;
}

int lb_target_in_place(struct lb_disk *disk, const struct lb_target *target, void *room, struct lb_error *err)
{
	struct reader reader = {disk, room};
	const struct lb_block_reader table = {
		.name = target->name,
		.block_bytes = disk->block_bytes,
		.blocks = disk->blocks,
		.read = read_blocks,
		.ctx = &reader,
	};
	struct lb_gpt_partition partition;
	struct lb_gpt gpt;

	if (lb_gpt_read(&table, (uint8_t *)room + LB_PAGE, &gpt, err) != 0)
		return -1;
	for (uint32_t i = 0; i < gpt.count; i++) {
		if (!lb_gpt_partition(&gpt, i, &partition) ||
		    memcmp(partition.uuid, target->partuuid, sizeof(partition.uuid)) != 0)
			continue;
		if (partition.first == target->first_block && partition.last == target->last_block)
			return 0;
		return lb_fail(err,
			       "target %.63s: the partition table has it at blocks %lu to %lu, it was armed "
			       "for %lu to %lu; it is left alone",
			       target->name, partition.first, partition.last, target->first_block,
			       target->last_block);
	}
	return lb_fail(err, "target %.63s: the partition table does not have it any more; it is left alone",
		       target->name);
}
