// SPDX-License-Identifier: BSD-2-Clause
// crash/disk/partition.c over a file in pieces (lifeboat/dumpfile.h). Whatever happened to the file, no byte
// outside of it is ever written.
#include <stdlib.h>
#include <string.h>

#include "capture_platform.h"
#include "crash/disk/partition.h"
#include "crash/disk/stamp.h"
#include "memory_disk.h"
#include "unit.h"

#define BLOCK ((uint64_t)LB_DUMP_BLOCK)
#define FOREIGN 0xee
#define PARTITION (4 * LB_MIB)
#define OURS 'd' // the byte that the tests write

// Pieces that are not in the disk's order, not aligned to 4 KiB, and of lengths that no request has.
static const struct lb_extent pieces[] = {
	{LB_MIB + 512, 3 * BLOCK}, {2 * LB_MIB, LB_MIB + 5 * BLOCK}, {4096, BLOCK}, {LB_MIB / 2, 300 * 1024}};
#define PIECES (sizeof(pieces) / sizeof(pieces[0]))

static struct memory_disk disk;
static struct lb_partition *partition;
static struct lb_error err;
static uint8_t *before; // a copy of the disk, made when the file was opened

// Returns where the file's byte `offset` lies, computed apart from the code under test.
static uint8_t *at(uint64_t offset)
{
	for (size_t i = 0; i < PIECES; i++) {
		if (offset < pieces[i].bytes)
			return disk.data + pieces[i].start + offset;
		offset -= pieces[i].bytes;
	}
	abort();
}

static uint64_t file_bytes(void)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < PIECES; i++)
		bytes += pieces[i].bytes;
	return bytes;
}

static void stamp(uint64_t offset, const char id[16])
{
	static _Alignas(8) uint8_t block[LB_DUMP_BLOCK];

	lb_stamp_fill((const uint8_t *)id, offset, block, sizeof(block));
	memcpy(at(offset), block, sizeof(block));
}

static int make(void **state)
{
	(void)state;
	capture_reset();
	memory_disk_open(&disk, PARTITION, FOREIGN);
	memcpy(disk.target.file_id, "the file's own i", 16);
	memcpy(disk.target.extents, pieces, sizeof(pieces));
	disk.target.extent_count = PIECES;
	for (uint64_t offset = 0; offset < file_bytes(); offset += BLOCK)
		stamp(offset, "the file's own i");
	memset(at(0), 'h', 2 * BLOCK); // the dump's headers
	return 0;
}

static void open_file(void)
{
	before = malloc(PARTITION);
	assert_non_null(before);
	memcpy(before, disk.data, PARTITION);
	assert_int_equal(lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err), 0);
	assert_int_equal(lb_partition_bytes(partition), file_bytes());
}

static int end(void **state)
{
	(void)state;
	free(before);
	before = NULL;
	memory_disk_close(&disk);
	return 0;
}

static int put(uint64_t offset, uint64_t bytes, int fill)
{
	uint8_t *buffer = lb_partition_take(partition, &err);

	assert_non_null(buffer);
	memset(buffer, fill, bytes);
	return lb_partition_put(partition, buffer, offset, (uint32_t)bytes, &err);
}

// Writes from `offset` to the file's end, or to the first write that is refused; returns where it ended.
static uint64_t put_all(uint64_t offset, uint64_t step)
{
	while (offset < file_bytes()) {
		const uint64_t left = file_bytes() - offset, bytes = left < step ? left : step;

		if (put(offset, bytes, OURS) != 0)
			break;
		offset += bytes;
	}
	assert_int_equal(lb_partition_flush(partition, &err), 0);
	return offset;
}

// The file has OURS from `from` to `to`. Everything else on the disk is as before.
static void check(uint64_t from, uint64_t to)
{
	for (uint64_t offset = from; offset < to; offset += BLOCK) {
		for (uint64_t i = 0; i < BLOCK; i++)
			assert_int_equal(at(offset)[i], OURS);
		memcpy(at(offset), before + (at(offset) - disk.data), BLOCK);
	}
	assert_memory_equal(disk.data, before, PARTITION);
}

static void test_whole(void **state)
{
	static const uint64_t steps[] = {BLOCK, 3 * BLOCK, 60 * 1024, LB_PARTITION_BUFFER};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		open_file();
		assert_int_equal(put_all(2 * BLOCK, steps[i]), file_bytes());
		check(2 * BLOCK, file_bytes());
		end(state);
		make(state);
	}
	open_file();
}

// Data can be written again, and read back.
static void test_again(void **state)
{
	static _Alignas(4096) uint8_t read[LB_PARTITION_BUFFER];

	(void)state;
	open_file();
	assert_int_equal(put_all(2 * BLOCK, LB_PARTITION_BUFFER), file_bytes());
	assert_int_equal(put(0, BLOCK, 'H'), 0); // a header
	for (uint64_t offset = 2 * BLOCK; offset < file_bytes(); offset += 7 * BLOCK)
		assert_int_equal(put(offset, BLOCK, 'x'), 0);
	assert_int_equal(lb_partition_flush(partition, &err), 0);
	assert_int_equal(lb_partition_read(partition, 0, read, sizeof(read), &err), 0);
	for (uint64_t i = 0; i < sizeof(read); i++)
		assert_int_equal(read[i], i < BLOCK                               ? 'H'
					  : i < 2 * BLOCK                         ? 'h'
					  : (i - 2 * BLOCK) % (7 * BLOCK) < BLOCK ? 'x'
										  : OURS);
	assert_int_equal(put(file_bytes(), BLOCK, OURS), -1);
	assert_non_null(strstr(err.text, "full"));
}

// If a block of the file has lost its stamp, neither it nor any block behind it is written.
static void test_lost(void **state)
{
	for (uint64_t lost = 2 * BLOCK; lost < file_bytes(); lost += 13 * BLOCK) {
		uint64_t reached;

		at(lost)[lost / BLOCK * 97 % BLOCK] ^= 1;
		open_file();
		reached = put_all(2 * BLOCK, 5 * BLOCK);
		assert_true(reached <= lost && lost < reached + 5 * BLOCK);
		assert_non_null(strstr(err.text, "does not have its stamp any more"));
		// The loss is remembered.
		assert_int_equal(put(reached, 5 * BLOCK, OURS), -1);
		assert_int_equal(put(lost, BLOCK, OURS), -1);
		if (lost + BLOCK < file_bytes())
			assert_int_equal(put(lost + BLOCK, BLOCK, OURS), -1);
		// Blocks that were written before can be written again.
		if (reached > 2 * BLOCK)
			assert_int_equal(put(2 * BLOCK, BLOCK, OURS), 0);
		assert_int_equal(lb_partition_flush(partition, &err), 0);
		check(2 * BLOCK, reached);
		end(state);
		make(state);
	}
	open_file();
}

// A write also checks the blocks before it that were not checked yet.
static void test_behind_a_gap(void **state)
{
	const uint64_t lost = 40 * BLOCK;

	(void)state;
	memset(at(lost), 0, 512);
	open_file();
	assert_int_equal(put(80 * BLOCK, BLOCK, OURS), -1);
	assert_int_equal(put(39 * BLOCK, BLOCK, OURS), 0);
	assert_int_equal(put(lost, BLOCK, OURS), -1);
	assert_int_equal(lb_partition_flush(partition, &err), 0);
	check(39 * BLOCK, lost);
}

// Stamps of another place, of another id, and of another file.
static void test_other_stamps(void **state)
{
	(void)state;
	stamp(10 * BLOCK, "another file's i");
	open_file();
	assert_int_equal(put(9 * BLOCK, 2 * BLOCK, OURS), -1);
	assert_int_equal(put(9 * BLOCK, BLOCK, OURS), 0);
	assert_int_equal(lb_partition_flush(partition, &err), 0);
	check(9 * BLOCK, 10 * BLOCK);
	end(state);
	make(state);
	memcpy(at(10 * BLOCK), at(11 * BLOCK), BLOCK);
	open_file();
	assert_int_equal(put(10 * BLOCK, BLOCK, OURS), -1);
	check(0, 0);
}

static void test_refused(void **state)
{
	(void)state;
	disk.target.extents[1].start = PARTITION;
	assert_int_equal(lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err), -1);
	assert_non_null(strstr(err.text, "memory: the file's piece 1 has"));
	disk.target.extents[1] = disk.target.extents[0];
	assert_int_equal(lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err), -1);
	assert_non_null(strstr(err.text, "on the same blocks"));
	disk.target.extents[1] = pieces[1];
	disk.target.extent_count = LB_MAX_EXTENTS + 1;
	assert_int_equal(lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err), -1);
	disk.target.extent_count = PIECES;
	capture_reset();
	capture_heap_limit(LB_PARTITION_BUFFER);
	assert_int_equal(lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err), -1);
	assert_non_null(strstr(err.text, "no memory to look at its stamps"));
}

// The disk fails while stamps are read. Nothing is written.
static void test_gone(void **state)
{
	(void)state;
	open_file();
	disk.gone_after = 0;
	assert_int_equal(put(2 * BLOCK, BLOCK, OURS), -1);
	assert_non_null(strstr(err.text, "memory"));
	check(0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, make, end),
		cmocka_unit_test_setup_teardown(test_again, make, end),
		cmocka_unit_test_setup_teardown(test_lost, make, end),
		cmocka_unit_test_setup_teardown(test_behind_a_gap, make, end),
		cmocka_unit_test_setup_teardown(test_other_stamps, make, end),
		cmocka_unit_test_setup_teardown(test_refused, make, end),
		cmocka_unit_test_setup_teardown(test_gone, make, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
