// SPDX-License-Identifier: BSD-2-Clause
// Fills a file for dumps by its map alone, as the capture kernel does, on an image of the whole disk.
//
//	write_file_target IMAGE MAP PARTITION_START PARTITION_BYTES
//
// Writes 'D' to all but the file's first two blocks. Prints how far it came, and the reason if it ended
// early.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture_platform.h"
#include "crash/disk/file_map.h"
#include "crash/disk/partition.h"

#define BLOCK_BYTES 512

static int image;
static struct {
	bool busy;
	struct lb_disk_request wanted;
} request;

static int image_submit(struct lb_disk *disk, const struct lb_disk_request *wanted, struct lb_error *err)
{
	(void)disk;
	(void)err;
	request.busy = true;
	request.wanted = *wanted;
	return 0;
}

static int image_poll(struct lb_disk *disk, uint32_t *ret_tag, struct lb_error *err)
{
	const struct lb_disk_request *wanted = &request.wanted;
	const off_t at = (off_t)(wanted->block * disk->block_bytes);
	ssize_t done = wanted->bytes;

	if (!request.busy)
		return 0;
	request.busy = false;
	*ret_tag = wanted->tag;
	if (wanted->op == LB_DISK_READ)
		done = pread(image, wanted->buffer, wanted->bytes, at);
	else if (wanted->op == LB_DISK_WRITE)
		done = pwrite(image, wanted->buffer, wanted->bytes, at);
	return done == (ssize_t)wanted->bytes ? 1 : lb_fail(err, "the image ends");
}

static int image_reset(struct lb_disk *disk, struct lb_error *err)
{
	(void)disk;
	return lb_fail(err, "an image has no reset");
}

static const struct lb_disk_driver driver = {
	.name = "image", .submit = image_submit, .poll = image_poll, .reset = image_reset};

static uint64_t fill(struct lb_partition *partition, struct lb_error *err)
{
	uint64_t at = LB_DUMP_SLOTS_BYTES, bytes = lb_partition_bytes(partition), piece;

	for (; at < bytes; at += piece) {
		uint8_t *buffer = lb_partition_take(partition, err);

		piece = bytes - at < LB_PARTITION_BUFFER ? bytes - at : LB_PARTITION_BUFFER;
		if (!buffer)
			break;
		memset(buffer, 'D', piece);
		if (lb_partition_put(partition, buffer, at, (uint32_t)piece, err) != 0)
			break;
	}
	lb_partition_flush(partition, err);
	return at;
}

static int read_map(const char *path, struct lb_file_map *map, struct lb_error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t bytes = fd < 0 ? -1 : read(fd, map, sizeof(*map));

	close(fd);
	return lb_file_map_check(map, bytes < 0 ? 0 : (uint64_t)bytes, err);
}

int main(int argc, char **argv)
{
	struct lb_disk disk = {.driver = &driver, .block_bytes = BLOCK_BYTES, .max_bytes = 65536, .depth = 1};
	struct lb_target target = {.block_bytes = BLOCK_BYTES, .name = "image"};
	struct lb_partition *partition;
	struct lb_error err = {""};
	struct lb_file_map map;

	if (argc != 5 || (image = open(argv[1], O_RDWR | O_CLOEXEC)) < 0) {
		fputs("write_file_target: wanted IMAGE MAP PARTITION_START PARTITION_BYTES\n", stderr);
		return 2;
	}
	disk.blocks = (uint64_t)lseek(image, 0, SEEK_END) / BLOCK_BYTES;
	target.first_block = strtoull(argv[3], NULL, 10) / BLOCK_BYTES;
	target.last_block = target.first_block + strtoull(argv[4], NULL, 10) / BLOCK_BYTES - 1;
	if (read_map(argv[2], &map, &err) == 0) {
		memcpy(target.file_id, map.file_id, sizeof(target.file_id));
		memcpy(target.extents, map.extents, sizeof(target.extents));
		target.extent_count = map.extent_count;
		if (lb_partition_open(&disk, &target, 8, &partition, &err) == 0)
			printf("wrote up to %lu\n", fill(partition, &err));
	}
	if (err.text[0])
		printf("%s\n", err.text);
	return 0;
}
