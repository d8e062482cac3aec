// SPDX-License-Identifier: BSD-2-Clause
// A disk in memory, for tests of what uses the partition. Requests are done when polled, in order. The disk
// can stop answering, as if it was pulled out, or drop all later writes, as if its machine had lost power.
// Included after cmocka.
#ifndef LIFEBOAT_TESTS_UNIT_MEMORY_DISK_H
#define LIFEBOAT_TESTS_UNIT_MEMORY_DISK_H

#include <stdlib.h>
#include <string.h>

#include "crash/disk/disk.h"
#include "unit.h"

#define MEMORY_DISK_FIRST 8 // first block of the partition
#define MEMORY_DISK_NEVER UINT64_MAX

struct memory_disk {
	struct lb_disk disk;
	struct lb_target target;
	uint8_t *data; // the partition's content
	uint64_t bytes; // of the partition
	uint64_t writes; // number of writes so far
	uint64_t gone_after, dark_after; // after this many writes the disk is pulled out, or loses power
	struct {
		bool busy;
		enum lb_disk_op op;
		uint64_t at;
		uint8_t *buffer;
		uint32_t bytes;
	} requests[LB_DISK_MAX_DEPTH];
};

static inline bool memory_disk_gone(const struct memory_disk *disk)
{
	return disk->writes >= disk->gone_after;
}

static inline int memory_disk_submit(struct lb_disk *of, const struct lb_disk_request *request,
				     struct lb_error *err)
{
	struct memory_disk *disk = of->state;
	uint64_t at = (request->block - MEMORY_DISK_FIRST) * of->block_bytes;

	if (memory_disk_gone(disk))
		return lb_fail(err, "memory disk: gone");
	assert_true(request->tag < of->depth && !disk->requests[request->tag].busy);
	if (request->op != LB_DISK_FLUSH) {
		assert_true(request->block >= MEMORY_DISK_FIRST && request->bytes);
		assert_true(at + request->bytes <= disk->bytes);
	}
	disk->requests[request->tag].busy = true;
	disk->requests[request->tag].op = request->op;
	disk->requests[request->tag].at = at;
	disk->requests[request->tag].buffer = request->buffer;
	disk->requests[request->tag].bytes = request->bytes;
	return 0;
}

static inline int memory_disk_poll(struct lb_disk *of, uint32_t *ret_tag, struct lb_error *err)
{
	struct memory_disk *disk = of->state;

	*ret_tag = LB_DISK_NO_TAG;
	if (memory_disk_gone(disk))
		return lb_fail(err, "memory disk: gone");
	for (uint32_t tag = 0; tag < of->depth; tag++) {
		if (!disk->requests[tag].busy)
			continue;
		disk->requests[tag].busy = false;
		*ret_tag = tag;
		if (disk->requests[tag].op == LB_DISK_READ)
			memcpy(disk->requests[tag].buffer, disk->data + disk->requests[tag].at,
			       disk->requests[tag].bytes);
		if (disk->requests[tag].op == LB_DISK_WRITE && disk->writes++ < disk->dark_after)
			memcpy(disk->data + disk->requests[tag].at, disk->requests[tag].buffer,
			       disk->requests[tag].bytes);
		return 1;
	}
	return 0;
}

static inline int memory_disk_reset(struct lb_disk *of, struct lb_error *err)
{
	struct memory_disk *disk = of->state;

	for (uint32_t tag = 0; tag < of->depth; tag++)
		disk->requests[tag].busy = false;
	return memory_disk_gone(disk) ? lb_fail(err, "memory disk: gone") : 0;
}

static inline void memory_disk_stop(struct lb_disk *of)
{
	(void)of;
}

static const struct lb_disk_driver memory_disk_driver = {
	.name = "memory",
	.submit = memory_disk_submit,
	.poll = memory_disk_poll,
	.reset = memory_disk_reset,
	.stop = memory_disk_stop,
};

// Opens a disk whose partition has `bytes` bytes, a multiple of 512, all of value `fill`.
static inline void memory_disk_open(struct memory_disk *disk, uint64_t bytes, int fill)
{
	memset(disk, 0, sizeof(*disk));
	disk->bytes = bytes;
	disk->data = fill ? malloc(bytes) : calloc(1, bytes);
	assert_non_null(disk->data);
	if (fill)
		memset(disk->data, fill, bytes);
	disk->gone_after = disk->dark_after = MEMORY_DISK_NEVER;
	disk->disk = (struct lb_disk){.driver = &memory_disk_driver,
				      .state = disk,
				      .block_bytes = 512,
				      .blocks = MEMORY_DISK_FIRST + bytes / 512,
				      .max_bytes = 64 * 1024,
				      .depth = 8};
	disk->target = (struct lb_target){.block_bytes = 512,
					  .first_block = MEMORY_DISK_FIRST,
					  .last_block = MEMORY_DISK_FIRST + bytes / 512 - 1,
					  .name = "memory"};
}

static inline void memory_disk_close(struct memory_disk *disk)
{
	free(disk->data);
	disk->data = NULL;
}

#endif
