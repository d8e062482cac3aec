// SPDX-License-Identifier: BSD-2-Clause
// Property: for any disk, lb_gpt_read() either reports what is wrong and writes nothing, or returns a table
// whose partitions lie in order within its bounds, do not overlap, and have names of valid UTF-8 that end. It
// reads no block outside of the disk.
//
// The input is the blocks of the primary table, and flags: make the checksums right, so that the checks
// behind them are reached; put a protective MBR in front; put RAID metadata behind.
#include "crash/disk/gpt.h"
#include "fuzz.h"

#include <zlib.h>

#define BLOCKS 200

struct disk {
	uint8_t *data;
	uint32_t block_bytes;
};

static bool read_blocks(void *ctx, uint64_t block, uint32_t count, void *data)
{
	const struct disk *disk = ctx;

	fuzz_check(count > 0 && block < BLOCKS && count <= BLOCKS - block);
	memcpy(data, disk->data + block * disk->block_bytes, (size_t)count * disk->block_bytes);
	return true;
}

static uint64_t number(const uint8_t *at, unsigned int bytes)
{
	struct fuzz_input input = {at, bytes};

	return fuzz_take(&input, bytes);
}

static void put32(uint8_t *at, uint64_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static void mend(const struct disk *disk)
{
	uint8_t *header = disk->data + disk->block_bytes;
	uint64_t entries = number(header + 72, 8), bytes = number(header + 80, 4) * number(header + 84, 4);
	uint64_t header_bytes = number(header + 12, 4);

	if (entries < BLOCKS && bytes <= (BLOCKS - entries) * disk->block_bytes)
		put32(header + 88, crc32(0, disk->data + entries * disk->block_bytes, (uInt)bytes));
	put32(header + 16, 0);
	if (header_bytes <= disk->block_bytes)
		put32(header + 16, crc32(0, header, (uInt)header_bytes));
}

// Expects well-formed UTF-8 without surrogates, by RFC 3629.
static void check_name(const char *name)
{
	const uint8_t *at = (const uint8_t *)name;

	fuzz_check(memchr(name, '\0', LB_GPT_NAME_BYTES));
	while (*at) {
		unsigned int more = *at < 0x80 ? 0 : *at < 0xe0 ? 1 : *at < 0xf0 ? 2 : 3;

		fuzz_check(*at < 0x80 || (*at >= 0xc2 && *at < 0xf5));
		fuzz_check(!(at[0] == 0xed && at[1] >= 0xa0));
		for (at++; more; more--, at++)
			fuzz_check((*at & 0xc0) == 0x80);
	}
}

static void check_table(const struct lb_gpt *gpt)
{
	struct lb_gpt_partition one, other;

	fuzz_check(gpt->count && gpt->last_usable < BLOCKS && gpt->first_usable > 1);
	for (uint32_t i = 0; i < gpt->count; i++) {
		if (!lb_gpt_partition(gpt, i, &one))
			continue;
		fuzz_check(gpt->first_usable <= one.first && one.first <= one.last &&
			   one.last <= gpt->last_usable);
		check_name(one.name);
		for (uint32_t j = i + 1; j < gpt->count; j++)
			if (lb_gpt_partition(gpt, j, &other))
				fuzz_check(other.last < one.first || one.last < other.first);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	uint64_t flags = fuzz_take(&input, 1);
	struct disk disk = {.block_bytes = flags & 1 ? 4096 : 512};
	const size_t disk_bytes = (size_t)BLOCKS * disk.block_bytes;
	struct lb_block_reader given = {.name = "disk",
					.block_bytes = disk.block_bytes,
					.blocks = BLOCKS,
					.read = read_blocks,
					.ctx = &disk};
	uint8_t *room = fuzz_alloc(LB_GPT_ROOM);
	struct lb_gpt gpt;
	struct lb_error err;
	int result;

	disk.data = fuzz_alloc(disk_bytes);
	memset(disk.data, 0, disk_bytes);
	memcpy(disk.data + disk.block_bytes, input.next,
	       input.left < disk_bytes - disk.block_bytes ? input.left : disk_bytes - disk.block_bytes);
	if (flags & 2)
		mend(&disk);
	if (flags & 4)
		memcpy(disk.data + 446 + 16 + 4, "\xee", 1);
	put32(disk.data + 508, 0xaa550000);
	if (flags & 8)
		memcpy(disk.data + disk_bytes - 2 * disk.block_bytes, "Intel Raid ISM Cfg Sig. ", 24);
	fuzz_poison_error(&err);
	fuzz_poison(&gpt, sizeof(gpt));
	result = lb_gpt_read(&given, room, &gpt, &err);
	if (result != 0)
		fuzz_check_error(&err, "disk: ");
	if (result == -1)
		fuzz_check_untouched(&gpt, sizeof(gpt));
	else
		check_table(&gpt);
	fuzz_check(result == -1 || (result == 0) == (flags & 4 && !(flags & 8)));
	free(disk.data);
	free(room);
	return 0;
}
