// SPDX-License-Identifier: BSD-2-Clause
// A small disk with a GPT, made from the specification, with zlib's checksums.
#ifndef LIFEBOAT_TESTS_UNIT_GPT_DISK_H
#define LIFEBOAT_TESTS_UNIT_GPT_DISK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <uchar.h>
#include <zlib.h>

#include "unit.h"

#define GPT_DISK_BLOCKS 200
#define GPT_DISK_ENTRIES 128
#define GPT_DISK_FIRST 40
#define GPT_DISK_LAST 160

struct gpt_disk {
	uint8_t data[GPT_DISK_BLOCKS * 4096];
	uint32_t block_bytes;
	uint64_t bad_block; // a block that cannot be read; 0: none
};

static inline bool gpt_disk_read(void *ctx, uint64_t block, uint32_t count, void *data)
{
	const struct gpt_disk *disk = ctx;

	if (block >= GPT_DISK_BLOCKS || count == 0 || count > GPT_DISK_BLOCKS - block ||
	    (disk->bad_block && block <= disk->bad_block && disk->bad_block < block + count))
		return false;
	memcpy(data, disk->data + block * disk->block_bytes, (size_t)count * disk->block_bytes);
	return true;
}

static inline void gpt_disk_put(uint8_t *at, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static inline uint8_t *gpt_disk_block(struct gpt_disk *disk, uint64_t block)
{
	return disk->data + block * disk->block_bytes;
}

// Returns the block of a table's entries: behind the primary's header, before the backup's.
static inline uint64_t gpt_disk_entries(const struct gpt_disk *disk, uint64_t header)
{
	return header == 1 ? 2 : header - GPT_DISK_ENTRIES * 128 / disk->block_bytes;
}

// Computes the checksum of the header itself.
static inline void gpt_disk_seal_header(struct gpt_disk *disk, uint64_t header)
{
	uint8_t *at = gpt_disk_block(disk, header);

	gpt_disk_put(at + 16, 0, 4);
	gpt_disk_put(at + 16, crc32(0, at, 92), 4);
}

// Computes all checksums of both headers. The backup's entries are copied from the primary's.
static inline void gpt_disk_seal(struct gpt_disk *disk)
{
	const uint64_t headers[] = {1, GPT_DISK_BLOCKS - 1};
	const uint8_t *entries = gpt_disk_block(disk, 2);

	for (unsigned int i = 0; i < 2; i++) {
		uint8_t *at = gpt_disk_block(disk, headers[i]);
		uint64_t own_entries = gpt_disk_entries(disk, headers[i]);

		memcpy(at, "EFI PART", 8);
		gpt_disk_put(at + 8, 0x10000, 4);
		gpt_disk_put(at + 12, 92, 4);
		gpt_disk_put(at + 24, headers[i], 8);
		gpt_disk_put(at + 32, headers[1 - i], 8);
		gpt_disk_put(at + 40, GPT_DISK_FIRST, 8);
		gpt_disk_put(at + 48, GPT_DISK_LAST, 8);
		memset(at + 56, 'd', 16);
		gpt_disk_put(at + 72, own_entries, 8);
		gpt_disk_put(at + 80, GPT_DISK_ENTRIES, 4);
		gpt_disk_put(at + 84, 128, 4);
		memmove(gpt_disk_block(disk, own_entries), entries, GPT_DISK_ENTRIES * 128);
		gpt_disk_put(at + 88, crc32(0, entries, GPT_DISK_ENTRIES * 128), 4);
		gpt_disk_seal_header(disk, headers[i]);
	}
}

// Gives entry `index` of the MBR this type. The other entries are empty.
static inline void gpt_disk_mbr(struct gpt_disk *disk, unsigned int index, uint8_t type)
{
	memset(disk->data, 0, disk->block_bytes);
	disk->data[446 + 16 * index + 4] = type;
	gpt_disk_put(disk->data + 510, 0xaa55, 2);
}

static inline void gpt_disk_make(struct gpt_disk *disk, uint32_t block_bytes)
{
	memset(disk, 0, sizeof(*disk));
	disk->block_bytes = block_bytes;
	gpt_disk_mbr(disk, 0, 0xee);
	gpt_disk_seal(disk);
}

// Writes a partition's name: LB_GPT_NAME_UNITS units, with or without a NUL.
static inline void gpt_disk_add_name(struct gpt_disk *disk, uint32_t index, const char16_t name[36])
{
	for (unsigned int i = 0; i < 36; i++)
		gpt_disk_put(gpt_disk_block(disk, 2) + index * 128 + 56 + 2 * i, name[i], 2);
}

// Adds a partition whose UUID ends with the byte `id`. gpt_disk_seal() must follow.
static inline void gpt_disk_add(struct gpt_disk *disk, uint32_t index, uint8_t id, uint64_t first,
				uint64_t last, const char16_t *name)
{
	uint8_t *at = gpt_disk_block(disk, 2) + index * 128;

	memset(at, 0, 128);
	at[0] = 0x77;
	at[31] = id;
	gpt_disk_put(at + 32, first, 8);
	gpt_disk_put(at + 40, last, 8);
	for (unsigned int i = 0; i < 36 && name[i]; i++)
		gpt_disk_put(at + 56 + 2 * i, name[i], 2);
}

#endif
