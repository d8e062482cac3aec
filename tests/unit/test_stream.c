// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "capture_platform.h"
#include "crash/dump/stream.h"
#include "memory_disk.h"
#include "unit.h"

#define BEFORE 0xb7 // what was on the partition before
#define PARTITION (4 * LB_MIB)
#define START (3 * LB_PAGE)

static struct memory_disk disk;
static struct lb_partition *partition;
static struct lb_stream stream;
static uint8_t text[3 * LB_MIB];

static void open_stream(uint64_t limit)
{
	struct lb_error err = {""};

	capture_reset();
	memory_disk_close(&disk);
	memory_disk_open(&disk, PARTITION, BEFORE);
	if (lb_partition_open(&disk.disk, &disk.target, 4, &partition, &err))
		fail_msg("%s", err.text);
	lb_stream_open(&stream, partition, START, limit);
}

static void ok(int result, const struct lb_error *err)
{
	if (result)
		fail_msg("%s", err->text);
}

static void settle(void)
{
	struct lb_error err = {""};

	ok(lb_stream_settle(&stream, &err), &err);
	ok(lb_partition_flush(partition, &err), &err);
}

// The disk has `bytes` of text, then zeroes to the end of the block, and nothing else.
static void check_disk(uint64_t bytes)
{
	uint64_t end = lb_align_up(bytes, LB_PAGE);
	uint8_t wanted[LB_SHA256_BYTES], digest[LB_SHA256_BYTES];

	assert_memory_equal(disk.data + START, text, bytes);
	for (uint64_t at = 0; at < START; at++)
		assert_int_equal(disk.data[at], BEFORE);
	for (uint64_t at = bytes; at < end; at++)
		assert_int_equal(disk.data[START + at], 0);
	for (uint64_t at = START + end; at < PARTITION; at++)
		assert_int_equal(disk.data[at], BEFORE);
	lb_sha256(text, bytes, wanted);
	lb_stream_digest(&stream, digest);
	assert_memory_equal(digest, wanted, sizeof(wanted));
	assert_int_equal(stream.bytes, bytes);
}

static void test_sizes(void **state)
{
	static const uint64_t sizes[] = {0,
					 1,
					 LB_PAGE - 1,
					 LB_PAGE,
					 LB_PAGE + 1,
					 LB_PARTITION_BUFFER - 1,
					 LB_PARTITION_BUFFER,
					 LB_PARTITION_BUFFER + 1,
					 5 * LB_PARTITION_BUFFER + 77};
	struct lb_error err = {""};

	(void)state;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		open_stream(PARTITION);
		ok(lb_stream_add(&stream, text, sizes[i], &err), &err);
		settle();
		check_disk(sizes[i]);
	}
}

// Pieces of all sizes, settled now and then, give the same bytes as one piece.
static void test_pieces_and_settling(void **state)
{
	struct lb_error err = {""};
	uint64_t at = 0;

	(void)state;
	open_stream(PARTITION);
	for (uint32_t i = 0; i < 500; i++) {
		uint64_t piece = (uint64_t)i * 7919 % 9000;

		ok(lb_stream_add(&stream, text + at, piece, &err), &err);
		at += piece;
		if (i % 37 == 5) {
			settle();
			check_disk(at);
		}
		if (i % 100 == 99)
			settle(); // nothing was added since
	}
	settle();
	check_disk(at);
}

static void test_zeroes_and_alignment(void **state)
{
	struct lb_error err = {""};
	uint8_t zero[LB_PAGE] = {0};

	(void)state;
	open_stream(PARTITION);
	ok(lb_stream_align(&stream, LB_PAGE, &err), &err);
	assert_int_equal(stream.bytes, 0);
	ok(lb_stream_add(&stream, text, 10, &err), &err);
	ok(lb_stream_align(&stream, LB_PAGE, &err), &err);
	assert_int_equal(stream.bytes, LB_PAGE);
	ok(lb_stream_add_zeroes(&stream, 3 * LB_PARTITION_BUFFER, &err), &err);
	ok(lb_stream_add(&stream, text, 10, &err), &err);
	settle();
	assert_memory_equal(disk.data + START, text, 10);
	assert_memory_equal(disk.data + START + 10, zero, LB_PAGE - 10);
	for (uint64_t at = 0; at < 3 * LB_PARTITION_BUFFER; at += LB_PAGE)
		assert_memory_equal(disk.data + START + LB_PAGE + at, zero, LB_PAGE);
	assert_memory_equal(disk.data + START + LB_PAGE + 3 * LB_PARTITION_BUFFER, text, 10);
}

static void test_limit(void **state)
{
	struct lb_error err = {""};

	(void)state;
	open_stream(START + 2 * LB_PAGE);
	assert_int_equal(lb_stream_room(&stream), 2 * LB_PAGE);
	ok(lb_stream_add(&stream, text, 5000, &err), &err);
	assert_int_equal(lb_stream_add(&stream, text + 5000, 3193, &err), -1);
	assert_string_equal(err.text, "full: 3193 bytes at 0x4388 of the partition, only 3192 are left");
	ok(lb_stream_add(&stream, text + 5000, 3192, &err), &err);
	assert_int_equal(lb_stream_room(&stream), 0);
	settle();
	check_disk(2 * LB_PAGE);

	// A limit before the start means that there is no room.
	open_stream(0);
	assert_int_equal(lb_stream_room(&stream), 0);
	assert_int_equal(lb_stream_add(&stream, text, 1, &err), -1);
}

static void test_disk_error(void **state)
{
	struct lb_error err = {""};
	int result = 0;

	(void)state;
	open_stream(PARTITION);
	disk.gone_after = 3;
	for (uint32_t i = 0; i < 16 && !result; i++)
		result = lb_stream_add(&stream, text, LB_PARTITION_BUFFER, &err);
	assert_int_equal(result, -1);
	assert_non_null(strstr(err.text, "memory disk: gone"));
	assert_int_equal(lb_stream_add(&stream, text, LB_PARTITION_BUFFER, &err), -1);
}

static int prepare(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * i / 251 + i);
	return 0;
}

static int tidy(void **state)
{
	(void)state;
	memory_disk_close(&disk);
	capture_reset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_pieces_and_settling),
		cmocka_unit_test(test_zeroes_and_alignment),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_disk_error),
	};

	return cmocka_run_group_tests(tests, prepare, tidy);
}
