// SPDX-License-Identifier: BSD-2-Clause
// Tries one disk through a partition: what a controller's errors lead to, with the partition's retry and
// reset.
#include "disktest.h"

#include "crash/disk/partition.h"
#include "crash/platform/platform.h"
#include "lib/mem.h"

#define BUFFERS 16

static void fill(const struct order *order, uint8_t *data, uint64_t offset, uint32_t bytes)
{
	uint64_t start = order->target.first_block * order->target.block_bytes + offset;

	for (uint32_t at = 0; at < bytes; at += sizeof(uint64_t)) {
		uint64_t word = pattern_word(order, (start + at) / PATTERN_SECTOR);

		memcpy(data + at, &word, sizeof(word));
	}
}

// Returns the size of the piece at `offset`, from one block to a whole buffer. A rest below 4 KiB is not
// written.
static uint32_t piece_at(const struct lb_partition *partition, uint64_t offset)
{
	uint64_t left = lb_align_down(lb_partition_bytes(partition) - offset, LB_PAGE);
	uint64_t bytes = LB_PARTITION_BUFFER - offset / LB_PAGE % 3 * 0xf000;

	return (uint32_t)(bytes < left ? bytes : left);
}

static int write_all(const struct order *order, struct lb_partition *partition, struct lb_error *err)
{
	uint32_t bytes;

	for (uint64_t offset = 0; (bytes = piece_at(partition, offset)) != 0; offset += bytes) {
		uint8_t *buffer = lb_partition_take(partition, err);

		if (!buffer)
			return -1;
		fill(order, buffer, offset, bytes);
		if (lb_partition_put(partition, buffer, offset, bytes, err))
			return -1;
	}
	return lb_partition_flush(partition, err);
}

static int read_all(const struct order *order, struct lb_partition *partition, struct lb_error *err)
{
	uint8_t *wanted = lb_heap_pages(LB_PARTITION_BUFFER), *found = lb_heap_pages(LB_PARTITION_BUFFER);
	uint32_t bytes;

	if (!wanted || !found)
		return lb_fail(err, "no memory for buffers");
	for (uint64_t offset = 0; (bytes = piece_at(partition, offset)) != 0; offset += bytes) {
		fill(order, wanted, offset, bytes);
		if (lb_partition_read(partition, offset, found, bytes, err))
			return -1;
		if (memcmp(wanted, found, bytes) != 0)
			return lb_fail(err, "%u bytes at 0x%lx: read otherwise than written", bytes,
				       (unsigned long)offset);
	}
	return 0;
}

int run_partition(const struct order *order, struct lb_disk *disk, struct lb_error *err)
{
	struct lb_target target = order->target;
	uint64_t start = lb_clock_ms();
	struct lb_partition *partition;
	int result;

	lb_snprintf(target.name, sizeof(target.name), "the disk");
	result = lb_partition_open(disk, &target, BUFFERS, &partition, err);

	if (result)
		return -1;
	result = write_all(order, partition, err);
	lb_say("the partition took %lu ms", (unsigned long)(lb_clock_ms() - start));
	if (result && order->bad_count) {
		lb_say("the partition gave up as it should: %s", err->text);
		result = lb_partition_take(partition, err) ? lb_fail(err, "it goes on after that") : 0;
	} else if (!result && order->bad_count) {
		result = lb_fail(err, "bad blocks, and nobody says so");
	} else if (!result) {
		result = read_all(order, partition, err);
	}
	disk->driver->stop(disk);
	return result;
}
