// SPDX-License-Identifier: BSD-2-Clause
// Reads GPTs of disks made by gpt_disk.h, with zlib's checksums.
#include <stdio.h>
#include <string.h>

#include "crash/disk/gpt.h"
#include "gpt_disk.h"
#include "lifeboat/dumpdisk.h"
#include "unit.h"

static struct gpt_disk image;
static uint8_t room[LB_GPT_ROOM];
static struct lb_gpt gpt;
static struct lb_error err;

static void make(uint32_t block_bytes)
{
	gpt_disk_make(&image, block_bytes);
	gpt_disk_add(&image, 0, 1, GPT_DISK_FIRST, GPT_DISK_FIRST + 9, u"first");
	gpt_disk_add(&image, 1, 2, GPT_DISK_FIRST + 10, GPT_DISK_FIRST + 10, u"d\u00fcmp \u20ac \U0001f4be");
	gpt_disk_add(&image, 5, 3, GPT_DISK_FIRST + 20, GPT_DISK_LAST, u"last");
	gpt_disk_seal(&image);
}

static int read_table(void)
{
	const struct lb_block_reader disk = {
		.name = "disk 1",
		.block_bytes = image.block_bytes,
		.blocks = GPT_DISK_BLOCKS,
		.read = gpt_disk_read,
		.ctx = &image,
	};

	memset(room, 0xa5, sizeof(room));
	memset(&err, 0, sizeof(err));
	return lb_gpt_read(&disk, room, &gpt, &err);
}

static void check_partitions(void)
{
	struct lb_gpt_partition partition;
	uint32_t found = 0;

	for (uint32_t i = 0; i < gpt.count; i++) {
		if (!lb_gpt_partition(&gpt, i, &partition))
			continue;
		found++;
		assert_true(i == 0 || i == 1 || i == 5);
		assert_int_equal(partition.uuid[15], i == 5 ? 3 : i + 1);
		if (i == 1) {
			assert_string_equal(partition.name, "d\xc3\xbcmp \xe2\x82\xac \xf0\x9f\x92\xbe");
			assert_int_equal(partition.first, GPT_DISK_FIRST + 10);
			assert_int_equal(partition.last, GPT_DISK_FIRST + 10);
		}
		if (i == 5)
			assert_int_equal(partition.last, GPT_DISK_LAST);
	}
	assert_int_equal(found, 3);
}

static void test_good(void **state)
{
	(void)state;
	for (uint32_t block_bytes = 512; block_bytes <= 4096; block_bytes *= 8) {
		make(block_bytes);
		assert_int_equal(read_table(), 0);
		assert_int_equal(gpt.count, GPT_DISK_ENTRIES);
		assert_false(gpt.backup);
		assert_memory_equal(gpt.disk_guid, "dddddddddddddddd", LB_UUID_BYTES);
		check_partitions();
	}
}

// After any bit flip in the primary's header or entries the backup is used. A flip in both is an error.
static void test_flips(void **state)
{
	(void)state;
	make(512);
	for (size_t byte = 512; byte < 512 + 92; byte++) {
		image.data[byte] ^= 0x10;
		assert_int_equal(read_table(), 0);
		assert_true(gpt.backup);
		check_partitions();
		image.data[(GPT_DISK_BLOCKS - 1) * 512 + byte - 512] ^= 0x10;
		assert_int_equal(read_table(), -1);
		assert_int_equal(strncmp(err.text, "disk 1: primary GPT header: field ", 34), 0);
		image.data[byte] ^= 0x10;
		assert_int_equal(read_table(), 0);
		assert_false(gpt.backup);
		image.data[(GPT_DISK_BLOCKS - 1) * 512 + byte - 512] ^= 0x10;
	}
	for (size_t byte = 1024; byte < 1024 + GPT_DISK_ENTRIES * 128; byte += 37) {
		image.data[byte] ^= 1;
		assert_int_equal(read_table(), 0);
		assert_true(gpt.backup);
		image.data[byte] ^= 1;
	}
}

static void test_unreadable(void **state)
{
	(void)state;
	make(512);
	image.bad_block = 1;
	assert_int_equal(read_table(), 0);
	assert_true(gpt.backup);
	image.bad_block = 2; // the primary's entries cannot be read
	assert_int_equal(read_table(), 0);
	assert_true(gpt.backup);
	gpt_disk_make(&image, 512);
	image.bad_block = 1;
	memset(image.data + (GPT_DISK_BLOCKS - 1) * 512, 0, 512);
	assert_int_equal(read_table(), -1);
	assert_string_equal(err.text, "disk 1: primary GPT header: block 1 cannot be read");
}

// Fields with wrong values below a right checksum.
static void test_nonsense(void **state)
{
	static const struct {
		size_t offset, bytes;
		uint64_t value;
		const char *field;
	} cases[] = {
		{0, 8, 0x5452415020494644, "Signature"},
		{8, 4, 0x20000, "Revision"},
		{12, 4, 91, "HeaderSize"},
		{12, 4, 513, "HeaderSize"},
		{24, 8, 2, "MyLBA"},
		{32, 8, GPT_DISK_LAST, "AlternateLBA"},
		{32, 8, GPT_DISK_BLOCKS, "AlternateLBA"},
		{40, 8, 1, "FirstUsableLBA"},
		{40, 8, GPT_DISK_LAST + 1, "FirstUsableLBA"},
		{48, 8, GPT_DISK_BLOCKS, "LastUsableLBA"},
		{48, 8, UINT64_MAX, "LastUsableLBA"},
		{72, 8, GPT_DISK_BLOCKS, "NumberOfPartitionEntries"},
		{72, 8, UINT64_MAX, "NumberOfPartitionEntries"},
		{72, 8, GPT_DISK_BLOCKS - 1, "NumberOfPartitionEntries"},
		{80, 4, 0, "NumberOfPartitionEntries"},
		{80, 4, 1025, "NumberOfPartitionEntries"},
		{80, 4, UINT32_MAX, "NumberOfPartitionEntries"},
		{84, 4, 0, "SizeOfPartitionEntry"},
		{84, 4, 64, "SizeOfPartitionEntry"},
		{84, 4, 136, "SizeOfPartitionEntry"},
		{84, 4, 0x80000000, "NumberOfPartitionEntries"},
		{88, 4, 1, "PartitionEntryArrayCRC32"},
	};
	char wanted[80];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(512);
		memset(image.data + (GPT_DISK_BLOCKS - 1) * 512, 0, 512); // no backup
		memcpy(image.data + 512 + cases[i].offset, &cases[i].value, cases[i].bytes);
		gpt_disk_seal_header(&image, 1);
		assert_int_equal(read_table(), -1);
		snprintf(wanted, sizeof(wanted), "disk 1: primary GPT header: field %s is 0x",
			 cases[i].field);
		assert_int_equal(strncmp(err.text, wanted, strlen(wanted)), 0);
	}
}

// Without a protective MBR the GPT is a leftover of an earlier use of the disk, the primary and the backup.
static void test_mbr(void **state)
{
	(void)state;
	for (uint32_t block_bytes = 512; block_bytes <= 4096; block_bytes *= 8) {
		make(block_bytes);
		// The protective entry may be any of the four, as in hybrid MBRs.
		for (unsigned int index = 0; index < 4; index++) {
			gpt_disk_mbr(&image, index, 0xee);
			image.data[446 + 16 * (3 - index) + 4] |= 0x0b;
			if (3 - index != index)
				assert_int_equal(read_table(), 0);
		}
		gpt_disk_mbr(&image, 0, 0x83);
		for (unsigned int backup = 0; backup < 2; backup++) {
			assert_int_equal(read_table(), LB_GPT_FOREIGN);
			assert_string_equal(err.text,
					    "disk 1: no entry of the MBR is of type 0xee (the first is "
					    "0x83): the GPT is a leftover");
			assert_int_equal(gpt.backup, backup);
			check_partitions(); // the partitions are still listed, so that a message can name them
			memset(gpt_disk_block(&image, 1), 0, block_bytes);
		}
		make(block_bytes);
		image.data[511] = 0;
		assert_int_equal(read_table(), LB_GPT_FOREIGN);
		assert_string_equal(err.text,
				    "disk 1: block 0 is no MBR (signature 0x0055, wanted 0xaa55): the "
				    "GPT is a leftover");
		// Without any GPT there is no table to call a leftover.
		memset(gpt_disk_block(&image, 1), 0, block_bytes);
		memset(gpt_disk_block(&image, GPT_DISK_BLOCKS - 1), 0, block_bytes);
		assert_int_equal(read_table(), -1);
	}
}

// The backup must name block 1 as the other header. The primary may name a block where a smaller disk ended.
static void test_other_header(void **state)
{
	(void)state;
	make(512);
	gpt_disk_put(gpt_disk_block(&image, 1) + 32, GPT_DISK_BLOCKS - 20, 8);
	gpt_disk_seal_header(&image, 1);
	assert_int_equal(read_table(), 0);
	assert_false(gpt.backup);
	memset(gpt_disk_block(&image, 1), 0, 512);
	assert_int_equal(read_table(), 0);
	assert_true(gpt.backup);
	gpt_disk_put(gpt_disk_block(&image, GPT_DISK_BLOCKS - 1) + 32, 2, 8);
	gpt_disk_seal_header(&image, GPT_DISK_BLOCKS - 1);
	assert_int_equal(read_table(), -1);
}

static void test_raid_member(void **state)
{
	(void)state;
	for (uint32_t block_bytes = 512; block_bytes <= 4096; block_bytes *= 8) {
		make(block_bytes);
		memcpy(gpt_disk_block(&image, GPT_DISK_BLOCKS - 2), "Intel Raid ISM Cfg Sig. 1.3", 27);
		assert_int_equal(read_table(), LB_GPT_FOREIGN);
		assert_non_null(strstr(err.text, "IMSM"));
		check_partitions();
	}
}

#define MANY 1024 // number of entries: 256 blocks of 512 bytes
static struct {
	uint8_t data[(2 + MANY * 128 / 512 + 100) * 512];
} large;

static bool read_large(void *ctx, uint64_t block, uint32_t count, void *data)
{
	(void)ctx;
	memcpy(data, large.data + block * 512, (size_t)count * 512);
	return true;
}

static void test_many_entries(void **state)
{
	const struct lb_block_reader disk = {
		.name = "large", .block_bytes = 512, .blocks = sizeof(large) / 512, .read = read_large};
	uint8_t *header = large.data + 512, *entries = large.data + 1024;
	struct lb_gpt_partition partition;

	(void)state;
	make(512);
	memcpy(large.data, image.data, 1024);
	entries[(MANY - 1) * 128] = 0x77;
	gpt_disk_put(entries + (MANY - 1) * 128 + 32, 300, 8);
	gpt_disk_put(entries + (MANY - 1) * 128 + 40, 305, 8);
	gpt_disk_put(header + 32, disk.blocks - 1, 8);
	gpt_disk_put(header + 40, 2 + MANY / 4, 8);
	gpt_disk_put(header + 48, disk.blocks - 50, 8);
	gpt_disk_put(header + 80, MANY, 4);
	gpt_disk_put(header + 88, crc32(0, entries, MANY * 128), 4);
	gpt_disk_put(header + 16, 0, 4);
	gpt_disk_put(header + 16, crc32(0, header, 92), 4);
	assert_int_equal(lb_gpt_read(&disk, room, &gpt, &err), 0);
	assert_int_equal(gpt.count, MANY);
	assert_true(lb_gpt_partition(&gpt, MANY - 1, &partition));
	assert_int_equal(partition.last, 305);
}

static void test_bad_partitions(void **state)
{
	struct lb_gpt_partition partition;

	(void)state;
	make(512);
	gpt_disk_add(&image, 2, 4, GPT_DISK_FIRST + 9, GPT_DISK_FIRST + 9, u"on the first");
	gpt_disk_add(&image, 3, 5, GPT_DISK_FIRST + 12, GPT_DISK_FIRST + 11, u"backwards");
	gpt_disk_add(&image, 6, 6, GPT_DISK_FIRST - 1, GPT_DISK_FIRST - 1, u"in the table");
	gpt_disk_add(&image, 7, 7, GPT_DISK_LAST + 1, UINT64_MAX, u"beyond");
	gpt_disk_seal(&image);
	assert_int_equal(read_table(), 0);
	for (uint32_t i = 0; i < gpt.count; i++)
		assert_int_equal(lb_gpt_partition(&gpt, i, &partition), i == 1 || i == 5);
}

static void test_names(void **state)
{
	static const char16_t lone[] = {0xd800, 'a', 0xdc00, 0xd83d, 0};
	struct lb_gpt_partition partition;
	char16_t longest[LB_GPT_NAME_UNITS];

	(void)state;
	make(512);
	gpt_disk_add(&image, 0, 1, GPT_DISK_FIRST, GPT_DISK_FIRST, lone);
	for (uint32_t i = 0; i < LB_GPT_NAME_UNITS; i++)
		longest[i] = 0x20ac;
	gpt_disk_add_name(&image, 1, longest);
	gpt_disk_seal(&image);
	assert_int_equal(read_table(), 0);
	assert_true(lb_gpt_partition(&gpt, 0, &partition));
	assert_string_equal(partition.name, "\xef\xbf\xbd"
					    "a\xef\xbf\xbd\xef\xbf\xbd");
	assert_true(lb_gpt_partition(&gpt, 1, &partition));
	assert_int_equal(strlen(partition.name), LB_GPT_NAME_BYTES - 1);
}

static void test_odd_disks(void **state)
{
	struct lb_block_reader disk = {
		.name = "d", .block_bytes = 2048, .blocks = 100, .read = gpt_disk_read, .ctx = &image};

	(void)state;
	assert_int_equal(lb_gpt_read(&disk, room, &gpt, &err), -1);
	assert_string_equal(err.text, "d: blocks of 2048 bytes, wanted 512 or 4096");
	disk.block_bytes = 512;
	for (disk.blocks = 0; disk.blocks < 3; disk.blocks++)
		assert_int_equal(lb_gpt_read(&disk, room, &gpt, &err), -1);
	assert_string_equal(err.text, "d: 2 blocks, too few for a GPT");
}

static void test_uuid(void **state)
{
	static const uint8_t type[] = LB_DUMP_TYPE_GUID;
	static const char *const bad[] = {"",
					  "5a1d3c0e-7b5f-4f0e-9c55-4c696665420",
					  "5a1d3c0e-7b5f-4f0e-9c55-4c69666542011",
					  "5a1d3c0e-7b5f-4f0e-9c55-4c696665420g",
					  "5a1d3c0e7b5f4f0e9c554c6966654201",
					  "5a1d3c0e-7b5f-4f0e-9c554-c6966654201",
					  "{a1d3c0e-7b5f-4f0e-9c55-4c6966654201"};
	uint8_t uuid[LB_UUID_BYTES];
	char text[LB_UUID_TEXT];

	(void)state;
	assert_true(lb_uuid_parse(LB_DUMP_TYPE_TEXT, uuid));
	assert_memory_equal(uuid, type, sizeof(type));
	assert_string_equal(lb_uuid_format(uuid, text), LB_DUMP_TYPE_TEXT);
	assert_true(lb_uuid_parse("5A1D3C0E-7B5F-4F0E-9C55-4C6966654201", uuid));
	assert_memory_equal(uuid, type, sizeof(type));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(lb_uuid_parse(bad[i], uuid));
	assert_memory_equal(uuid, type, sizeof(type));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),        cmocka_unit_test(test_flips),
		cmocka_unit_test(test_unreadable),  cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_names),       cmocka_unit_test(test_bad_partitions),
		cmocka_unit_test(test_mbr),         cmocka_unit_test(test_other_header),
		cmocka_unit_test(test_raid_member), cmocka_unit_test(test_many_entries),
		cmocka_unit_test(test_odd_disks),   cmocka_unit_test(test_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
