// SPDX-License-Identifier: BSD-2-Clause
// Disks whose end has RAID metadata, laid out by hand from the descriptions of mdadm and SNIA.
#include <string.h>

#include "crash/disk/raid.h"
#include "unit.h"

#define BLOCKS 256

static uint8_t data[BLOCKS * 4096];
static uint64_t bad_block; // a block that cannot be read; 0: none
static uint8_t room[LB_BLOCK_MAX];
static struct lb_error err;

static bool read_blocks(void *ctx, uint64_t block, uint32_t count, void *to)
{
	const uint32_t block_bytes = *(const uint32_t *)ctx;

	assert_true(count == 1 && block < BLOCKS);
	memcpy(to, data + block * block_bytes, block_bytes);
	return block != bad_block || !bad_block;
}

static int look(uint32_t block_bytes)
{
	const struct lb_block_reader disk = {"sda", block_bytes, BLOCKS, read_blocks, &block_bytes};

	memset(&err, 0, sizeof(err));
	return lb_raid_none(&disk, room, &err);
}

static void put_md(uint8_t *at, uint32_t major, uint64_t super_offset)
{
	const uint32_t head[] = {0xa92b4efc, major};

	memcpy(at, head, sizeof(head));
	memcpy(at + 144, &super_offset, sizeof(super_offset));
}

static void test_none(void **state)
{
	(void)state;
	memset(data, 0, sizeof(data));
	assert_int_equal(look(512), 0);
	assert_int_equal(look(4096), 0);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(look(512), 0);
}

static void test_imsm(void **state)
{
	(void)state;
	for (uint32_t bytes = 512; bytes <= 4096; bytes *= 8) {
		memset(data, 0, sizeof(data));
		memcpy(data + (BLOCKS - 2) * bytes, "Intel Raid ISM Cfg Sig. ", 24);
		assert_int_equal(look(bytes), -1);
		assert_string_equal(err.text, "sda: it is one member of a RAID: metadata at its end (Intel "
					      "Matrix RAID (IMSM))");
		data[(BLOCKS - 2) * bytes + 23] = 'x';
		assert_int_equal(look(bytes), 0);
	}
}

// The superblock lies 8 KiB before the end, rounded down to 4 KiB: at 240 of 256 sectors, at 2032 of 2048.
static void test_md(void **state)
{
	static const struct {
		uint32_t block_bytes, sector;
	} cases[] = {{512, 240}, {4096, 2032}};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t *at = data + cases[i].sector * 512;

		memset(data, 0, sizeof(data));
		put_md(at, 1, cases[i].sector);
		assert_int_equal(look(cases[i].block_bytes), -1);
		assert_non_null(strstr(err.text, "Linux md, metadata 1.0"));
		// The superblock of a partition that ends there is not the disk's.
		put_md(at, 1, cases[i].sector - 64);
		assert_int_equal(look(cases[i].block_bytes), 0);
		put_md(at, 0, cases[i].sector);
		assert_int_equal(look(cases[i].block_bytes), 0);
	}
}

static void test_ddf(void **state)
{
	static const uint8_t anchor[] = {0xde, 0x11, 0xde, 0x11};

	(void)state;
	for (uint32_t bytes = 512; bytes <= 4096; bytes *= 8) {
		for (uint32_t from_end = 512; from_end <= bytes; from_end += 3584) {
			memset(data, 0, sizeof(data));
			memcpy(data + BLOCKS * bytes - from_end, anchor, sizeof(anchor));
			assert_int_equal(look(bytes), -1);
			assert_non_null(strstr(err.text, "SNIA DDF"));
		}
	}
}

// If the disk's end cannot be read, the disk counts as a RAID member.
static void test_unreadable_end(void **state)
{
	static const uint64_t blocks[] = {BLOCKS - 1, BLOCKS - 2, 240};

	(void)state;
	memset(data, 0, sizeof(data));
	for (unsigned int i = 0; i < 3; i++) {
		bad_block = blocks[i];
		assert_int_equal(look(512), -1);
		assert_string_equal(err.text, "sda: its end cannot be read, where RAID metadata may be");
	}
	bad_block = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none), cmocka_unit_test(test_imsm),           cmocka_unit_test(test_md),
		cmocka_unit_test(test_ddf),  cmocka_unit_test(test_unreadable_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
