// SPDX-License-Identifier: BSD-2-Clause
// The partition, over a disk in memory that answers in any order, fails, does not answer, or gives wrong
// answers. The disk moves data when it answers, so a buffer that is reused too early shows in the disk's
// content.
#include <stdlib.h>
#include <string.h>

#include "capture_platform.h"
#include "crash/disk/partition.h"
#include "unit.h"

#define FIRST 24 // first block of the partition
#define UNTOUCHED 0xee
#define NEVER UINT64_MAX
#define ALWAYS UINT32_MAX

enum order { OLDEST, NEWEST, ANY };

struct fake {
	uint8_t *data;
	struct {
		bool busy;
		struct lb_disk_request wanted;
		uint64_t when;
	} requests[LB_DISK_MAX_DEPTH];
	uint64_t submitted, writes, flushes, resets;
	uint32_t most_in_flight;
	enum order order;
	uint32_t seed;

	// Faults, each with the number of times that it still happens (ALWAYS: no limit). bad: requests that
	// have this block.
	uint64_t bad_block;
	uint32_t bad;
	uint32_t bad_flush;
	uint32_t bad_controller; // polls that report a failure of the whole controller
	uint32_t bad_submit;
	uint32_t bad_reset;
	uint32_t lies; // polls that report a request as done that is not in flight
	uint32_t lie; // the tag of such a request
	uint32_t silent; // requests that are never answered; they are counted when submitted
	uint64_t silent_tags;
};

static struct fake fake;
static struct lb_disk disk;
static struct lb_target target;

static bool happens(uint32_t *times)
{
	if (!*times)
		return false;
	if (*times != ALWAYS)
		--*times;
	return true;
}

static uint64_t end_of(const struct lb_disk *of, const struct lb_disk_request *request)
{
	return request->block + request->bytes / of->block_bytes;
}

static bool overlap(const struct lb_disk *of, const struct lb_disk_request *request, uint32_t tag)
{
	const struct lb_disk_request *other = &fake.requests[tag].wanted;

	return fake.requests[tag].busy && other->op != LB_DISK_FLUSH && request->block < end_of(of, other) &&
	       other->block < end_of(of, request);
}

static int fake_submit(struct lb_disk *of, const struct lb_disk_request *request, struct lb_error *err)
{
	uint32_t tag = request->tag, in_flight = 1;

	assert_true(tag < of->depth);
	assert_false(fake.requests[tag].busy);
	for (uint32_t i = 0; i < of->depth; i++) {
		assert_false(request->op != LB_DISK_FLUSH && overlap(of, request, i));
		assert_false(request->op == LB_DISK_FLUSH && fake.requests[i].busy);
		in_flight += fake.requests[i].busy;
	}
	if (request->op != LB_DISK_FLUSH) {
		assert_true(request->bytes && request->bytes <= of->max_bytes);
		assert_true(request->bytes % of->block_bytes == 0);
		assert_true((uintptr_t)request->buffer % LB_PAGE == 0);
		assert_true(request->block >= target.first_block);
		assert_true(end_of(of, request) - 1 <= target.last_block);
	}
	if (happens(&fake.bad_submit))
		return lb_fail(err, "fake: does not take it");
	if (in_flight > fake.most_in_flight)
		fake.most_in_flight = in_flight;
	fake.requests[tag].busy = true;
	fake.requests[tag].wanted = *request;
	fake.requests[tag].when = ++fake.submitted;
	fake.silent_tags &= ~(1ULL << tag);
	if (happens(&fake.silent))
		fake.silent_tags |= 1ULL << tag;
	return 0;
}

static uint32_t choose(const struct lb_disk *of)
{
	uint32_t chosen = LB_DISK_NO_TAG, seen = 0;

	for (uint32_t i = 0; i < of->depth; i++) {
		if (!fake.requests[i].busy || fake.silent_tags >> i & 1)
			continue;
		seen++;
		fake.seed = fake.seed * 1103515245 + 12345;
		if (chosen == LB_DISK_NO_TAG ||
		    (fake.order == OLDEST && fake.requests[i].when < fake.requests[chosen].when) ||
		    (fake.order == NEWEST && fake.requests[i].when > fake.requests[chosen].when) ||
		    (fake.order == ANY && (fake.seed >> 16) % seen == 0))
			chosen = i;
	}
	return chosen;
}

static void move_data(const struct lb_disk *of, uint32_t tag, uint32_t bytes)
{
	uint8_t *at = fake.data + fake.requests[tag].wanted.block * of->block_bytes;

	if (fake.requests[tag].wanted.op == LB_DISK_WRITE)
		memcpy(at, fake.requests[tag].wanted.buffer, bytes);
	else if (fake.requests[tag].wanted.op == LB_DISK_READ)
		memcpy(fake.requests[tag].wanted.buffer, at, bytes);
}

static int fake_poll(struct lb_disk *of, uint32_t *ret_tag, struct lb_error *err)
{
	uint32_t tag = choose(of);
	uint64_t blocks;

	if (tag == LB_DISK_NO_TAG)
		return 0;
	if (happens(&fake.lies)) {
		*ret_tag = fake.lie;
		return 1;
	}
	if (happens(&fake.bad_controller)) {
		*ret_tag = LB_DISK_NO_TAG;
		return lb_fail(err, "fake: controller is down");
	}
	blocks = fake.requests[tag].wanted.bytes / of->block_bytes;
	fake.requests[tag].busy = false;
	*ret_tag = tag;
	if (fake.requests[tag].wanted.op == LB_DISK_FLUSH) {
		if (happens(&fake.bad_flush))
			return lb_fail(err, "fake: cache error");
		fake.flushes++;
		return 1;
	}
	if (fake.bad_block - fake.requests[tag].wanted.block < blocks && happens(&fake.bad)) {
		move_data(of, tag, fake.requests[tag].wanted.bytes / 2);
		return lb_fail(err, "fake: medium error");
	}
	fake.writes += fake.requests[tag].wanted.op == LB_DISK_WRITE;
	move_data(of, tag, fake.requests[tag].wanted.bytes);
	return 1;
}

// Each write in flight was done, done by half, or not begun.
static int fake_reset(struct lb_disk *of, struct lb_error *err)
{
	fake.resets++;
	for (uint32_t i = 0; i < of->depth; i++) {
		if (fake.requests[i].busy && fake.requests[i].wanted.op == LB_DISK_WRITE)
			move_data(of, i, fake.requests[i].wanted.bytes / 2 * (i % 3));
		fake.requests[i].busy = false;
	}
	return happens(&fake.bad_reset) ? lb_fail(err, "fake: controller stays down") : 0;
}

static const struct lb_disk_driver driver = {
	.name = "fake", .submit = fake_submit, .poll = fake_poll, .reset = fake_reset};

static uint64_t disk_bytes(void)
{
	return disk.blocks * disk.block_bytes;
}

// Makes a disk whose partition has `blocks` blocks, with FIRST blocks before and behind it.
static void make_disk(uint32_t block_bytes, uint64_t blocks, uint32_t depth, uint32_t max_bytes)
{
	capture_reset();
	free(fake.data);
	memset(&fake, 0, sizeof(fake));
	fake.bad_block = NEVER;
	disk = (struct lb_disk){.driver = &driver,
				.block_bytes = block_bytes,
				.blocks = blocks + 2 * FIRST,
				.max_bytes = max_bytes,
				.depth = depth};
	target = (struct lb_target){.block_bytes = block_bytes,
				    .first_block = FIRST,
				    .last_block = FIRST + blocks - 1,
				    .name = "spare"};
	fake.data = malloc(disk_bytes());
	assert_non_null(fake.data);
	memset(fake.data, UNTOUCHED, disk_bytes());
}

static struct lb_partition *open_partition(uint32_t buffers)
{
	struct lb_partition *partition = NULL;
	struct lb_error err;

	assert_int_equal(lb_partition_open(&disk, &target, buffers, &partition, &err), 0);
	return partition;
}

static uint8_t *take(struct lb_partition *partition)
{
	struct lb_error err = {""};
	uint8_t *buffer = lb_partition_take(partition, &err);

	if (!buffer)
		fail_msg("%s", err.text);
	return buffer;
}

// Returns the byte that write number `round` puts at `at` of the partition.
static uint8_t content(uint64_t at, uint32_t round)
{
	return (uint8_t)(at ^ at >> 9 ^ at >> 17 ^ round * 0x55);
}

static int put(struct lb_partition *partition, uint64_t offset, uint32_t bytes, uint32_t round,
	       struct lb_error *err)
{
	uint8_t *buffer = take(partition);

	for (uint32_t i = 0; i < bytes && i < LB_PARTITION_BUFFER; i++)
		buffer[i] = content(offset + i, round);
	return lb_partition_put(partition, buffer, offset, bytes, err);
}

static void put_well(struct lb_partition *partition, uint64_t offset, uint32_t bytes, uint32_t round)
{
	struct lb_error err = {""};

	if (put(partition, offset, bytes, round, &err))
		fail_msg("%s", err.text);
}

static void flush_well(struct lb_partition *partition)
{
	struct lb_error err = {""};

	if (lb_partition_flush(partition, &err))
		fail_msg("%s", err.text);
}

static void assert_content(uint64_t from, uint64_t to, uint32_t round)
{
	for (uint64_t at = from; at < to; at++) {
		if (fake.data[FIRST * disk.block_bytes + at] != content(at, round))
			fail_msg("byte 0x%lx of the partition is %02x", at,
				 fake.data[FIRST * disk.block_bytes + at]);
	}
}

static void assert_untouched(uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at < to; at++) {
		if (fake.data[at] != UNTOUCHED)
			fail_msg("byte 0x%lx of the disk was written", at);
	}
}

static void assert_outside_untouched(void)
{
	assert_untouched(0, FIRST * disk.block_bytes);
	assert_untouched((target.last_block + 1) * disk.block_bytes, disk_bytes());
}

static void assert_says(const struct lb_error *err, const char *part)
{
	if (!strstr(err->text, part))
		fail_msg("\"%s\" does not say \"%s\"", err->text, part);
}

static void write_all(struct lb_partition *partition)
{
	uint32_t sizes[] = {LB_PARTITION_BUFFER, 4096, 0x5000, 0x1f000, 0x10000};
	uint64_t at = 0;

	for (uint32_t i = 0; at < lb_partition_bytes(partition); i++) {
		uint64_t left = lb_partition_bytes(partition) - at;
		uint32_t bytes = sizes[i % 5] < left ? sizes[i % 5] : (uint32_t)left;

		put_well(partition, at, bytes, 0);
		at += bytes;
	}
}

static void test_every_shape_of_disk(void **state)
{
	static const uint32_t depths[] = {1, 2, 7, 32}, most[] = {4096, 12288, 0x10000, 0x20000, 0x100000};

	(void)state;
	for (unsigned int i = 0; i < 4 * 5 * 3 * 2; i++) {
		uint32_t block_bytes = i % 2 ? 512 : 4096, depth = depths[i / 2 % 4], max = most[i / 8 % 5];
		struct lb_partition *partition;

		make_disk(block_bytes, LB_MIB / block_bytes, depth, max);
		fake.order = (enum order)(i / 40);
		partition = open_partition(8);
		assert_int_equal(lb_partition_bytes(partition), LB_MIB);
		write_all(partition);
		assert_int_equal(fake.flushes, 0);
		flush_well(partition);
		assert_int_equal(fake.flushes, 1);
		assert_int_equal(fake.resets, 0);
		assert_content(0, LB_MIB, 0);
		assert_outside_untouched();
		assert_true(fake.most_in_flight <= depth);
		if (depth > 1) // several requests are in flight at once
			assert_true(fake.most_in_flight > 1);
	}
}

static void test_boundaries(void **state)
{
	struct lb_error err;
	struct lb_partition *partition;
	uint64_t end;

	(void)state;
	for (uint32_t block_bytes = 512; block_bytes <= 4096; block_bytes *= 8) {
		make_disk(block_bytes, 0x40000 / block_bytes, 4, LB_MIB);
		partition = open_partition(4);
		end = lb_partition_bytes(partition);
		assert_int_equal(end, 0x40000);
		put_well(partition, 0, 4096, 0);
		put_well(partition, end - 4096, 4096, 0);
		put_well(partition, end - 0x21000, LB_PARTITION_BUFFER, 0);
		assert_int_equal(put(partition, end - 4096, 8192, 1, &err), -1);
		assert_says(&err, "spare: full: write of 8192 bytes at 0x3f000, the partition has 0x40000");
		assert_int_equal(put(partition, end, 4096, 1, &err), -1);
		assert_says(&err, "full");
		assert_int_equal(put(partition, end + 4096, 4096, 1, &err), -1);
		assert_says(&err, "full");
		assert_int_equal(put(partition, 0ULL - 4096, 4096, 1, &err), -1);
		assert_says(&err, "full");
		assert_int_equal(put(partition, 0ULL - 4096, 8192, 1, &err), -1);
		assert_says(&err, "full");
		// These refusals are no errors of the disk, so writing goes on.
		flush_well(partition);
		assert_content(0, 4096, 0);
		assert_content(end - 0x21000, end, 0);
		assert_untouched(FIRST * block_bytes + 4096, FIRST * block_bytes + end - 0x21000);
		assert_outside_untouched();
		assert_int_equal(fake.writes, 3);
	}
}

// If the partition is no multiple of 4 KiB, the rest is not used.
static void test_ragged_end(void **state)
{
	struct lb_error err;
	struct lb_partition *partition;

	(void)state;
	for (uint32_t more = 1; more < 8; more++) {
		make_disk(512, 16 + more, 4, LB_MIB);
		partition = open_partition(2);
		assert_int_equal(lb_partition_bytes(partition), 8192 + 512 * more);
		put_well(partition, 4096, 4096, 0);
		assert_int_equal(put(partition, 8192, 4096, 0, &err), -1);
		assert_says(&err, "full");
		flush_well(partition);
		assert_content(4096, 8192, 0);
		assert_untouched(FIRST * 512 + 8192, disk_bytes());
	}
}

static void test_misaligned(void **state)
{
	static const struct {
		uint64_t offset;
		uint32_t bytes;
	} bad[] = {{0, 0}, {0, 512}, {512, 4096}, {0, 4097}, {1, 4095}, {0, LB_PARTITION_BUFFER + 4096}};
	struct lb_error err;
	struct lb_partition *partition;
	uint8_t page[LB_PAGE];

	(void)state;
	make_disk(512, 4096, 4, LB_MIB);
	partition = open_partition(1);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(put(partition, bad[i].offset, bad[i].bytes, 0, &err), -1);
		assert_says(&err, "wanted whole blocks of 4096");
		assert_int_equal(lb_partition_read(partition, bad[i].offset, page, bad[i].bytes, &err), -1);
		assert_says(&err, "wanted whole blocks of 4096");
	}
	assert_int_equal(fake.submitted, 0);
}

static void test_partition_outside_the_disk(void **state)
{
	struct lb_partition *partition = NULL;
	struct lb_error err;

	(void)state;
	make_disk(512, 4096, 4, LB_MIB);
	target.last_block = disk.blocks - 1;
	assert_int_equal(lb_partition_open(&disk, &target, 1, &partition, &err), 0);
	assert_int_equal(lb_partition_bytes(partition), (4096 + FIRST) * 512);
	target.last_block = disk.blocks;
	assert_int_equal(lb_partition_open(&disk, &target, 1, &partition, &err), -1);
	assert_says(&err, "spare: has 4144 blocks, the target's last is 4144");
	target.last_block = UINT64_MAX;
	assert_int_equal(lb_partition_open(&disk, &target, 1, &partition, &err), -1);
	target.last_block = target.first_block;
	assert_int_equal(lb_partition_open(&disk, &target, 1, &partition, &err), 0);
	assert_int_equal(lb_partition_bytes(partition), 512);
	target.last_block = target.first_block - 1;
	assert_int_equal(lb_partition_open(&disk, &target, 1, &partition, &err), -1);
	target.last_block = target.first_block;
	disk.blocks = UINT64_MAX;
	assert_int_equal(lb_partition_open(&disk, &target, 1, &partition, &err), -1);
	assert_says(&err, "more than is possible");
}

static void test_disk_that_makes_no_sense(void **state)
{
	static const struct {
		uint32_t block_bytes, depth, max_bytes, buffers;
		const char *says;
	} bad[] = {
		{4096, 4, LB_MIB, 1, "blocks of 4096 bytes, the target was chosen with 512"},
		{1024, 4, LB_MIB, 1, "blocks of 1024 bytes"},
		{512, 0, LB_MIB, 1, "takes 0 requests"},
		{512, 33, LB_MIB, 1, "takes 33 requests"},
		{512, 4, 0, 1, "requests of 0 bytes"},
		{512, 4, 2048, 1, "requests of 2048 bytes"},
		{512, 4, 4608, 1, "requests of 4608 bytes"},
		{512, 4, LB_MIB, 0, "0 buffers, wanted 1 to 32"},
		{512, 4, LB_MIB, 33, "33 buffers, wanted 1 to 32"},
	};
	struct lb_partition *partition = NULL;
	struct lb_error err;

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_disk(512, 4096, bad[i].depth, bad[i].max_bytes);
		disk.block_bytes = bad[i].block_bytes;
		assert_int_equal(lb_partition_open(&disk, &target, bad[i].buffers, &partition, &err), -1);
		assert_says(&err, bad[i].says);
		assert_null(partition);
	}
}

static void test_little_memory(void **state)
{
	struct lb_partition *partition = NULL;
	struct lb_error err;
	uint64_t overhead;

	(void)state;
	make_disk(512, 4096, 4, LB_MIB);
	open_partition(1);
	overhead = lb_heap_used() - LB_PARTITION_BUFFER;
	for (uint32_t buffers = 0; buffers < 4; buffers++) {
		make_disk(512, 4096, 4, LB_MIB);
		capture_heap_limit(overhead + buffers * LB_PARTITION_BUFFER + LB_PARTITION_BUFFER / 2);
		if (!buffers) {
			assert_int_equal(lb_partition_open(&disk, &target, 8, &partition, &err), -1);
			assert_says(&err, "no memory");
			continue;
		}
		partition = open_partition(8);
		for (uint32_t i = 0; i < buffers; i++)
			take(partition);
		assert_null(lb_partition_take(partition, &err));
		assert_says(&err, "buffers is in use");
	}
}

static void test_buffers_are_checked(void **state)
{
	struct lb_error err;
	struct lb_partition *partition;
	uint8_t *a, *b, own[1];

	(void)state;
	make_disk(512, 4096, 4, LB_MIB);
	partition = open_partition(2);
	a = take(partition);
	b = take(partition);
	assert_ptr_not_equal(a, b);
	assert_null(lb_partition_take(partition, &err)); // refused, because it would wait for ever
	assert_int_equal(lb_partition_put(partition, own, 0, 4096, &err), -1);
	assert_says(&err, "not taken");
	assert_int_equal(lb_partition_put(partition, a + 4096, 0, 4096, &err), -1);
	memset(a, 1, 4096);
	assert_int_equal(lb_partition_put(partition, a, 0, 4096, &err), 0);
	assert_int_equal(lb_partition_put(partition, a, 0, 4096, &err), -1);
	// The buffer was given back by the refused call.
	assert_int_equal(lb_partition_put(partition, b, 4096, 1, &err), -1);
	take(partition);
	take(partition);
	assert_null(lb_partition_take(partition, &err));
	flush_well(partition);
	assert_int_equal(fake.writes, 1);
}

static void test_rewriting_waits(void **state)
{
	struct lb_partition *partition;

	(void)state;
	make_disk(512, 4096, 8, 0x10000);
	fake.order = NEWEST;
	partition = open_partition(8);
	for (uint32_t round = 0; round < 20; round++) {
		put_well(partition, 0, 4096, round); // the same block in each round
		put_well(partition, 4096 * (1 + round % 5), LB_PARTITION_BUFFER,
			 round); // partly the same blocks in each round
		put_well(partition, 0x100000 + round * 4096, 4096, 7);
	}
	flush_well(partition);
	assert_content(0, 4096, 19);
	assert_content(0x5000, 0x5000 + LB_PARTITION_BUFFER, 19);
	assert_content(0x4000, 0x5000, 18);
	assert_content(0x100000, 0x100000 + 20 * 4096, 7);
}

static void test_reading(void **state)
{
	static uint8_t data[LB_PARTITION_BUFFER + 1] __attribute__((aligned(LB_PAGE)));
	struct lb_error err;
	struct lb_partition *partition;
	uint64_t before;

	(void)state;
	make_disk(4096, 1024, 8, LB_PARTITION_BUFFER / 2);
	fake.order = NEWEST;
	partition = open_partition(2);
	put_well(partition, 0x20000, LB_PARTITION_BUFFER, 3);
	take(partition);
	put_well(partition, 0x40000, LB_PARTITION_BUFFER, 3);
	// A read into whole pages takes as few requests as the disk allows.
	before = fake.submitted;
	assert_int_equal(lb_partition_read(partition, 0x30000, data, LB_PARTITION_BUFFER, &err), 0);
	assert_int_equal(fake.submitted - before, 2);
	for (uint32_t i = 0; i < LB_PARTITION_BUFFER; i++)
		assert_int_equal(data[i], content(0x30000 + i, 3));
	// A read sees data whose write is in flight, also into unaligned memory, and with no buffer free.
	assert_int_equal(lb_partition_read(partition, 0x30000, data + 1, LB_PARTITION_BUFFER, &err), 0);
	for (uint32_t i = 0; i < LB_PARTITION_BUFFER; i++)
		assert_int_equal(data[1 + i], content(0x30000 + i, 3));
	assert_int_equal(lb_partition_read(partition, lb_partition_bytes(partition) - 4096, data, 4096, &err),
			 0);
	assert_int_equal(data[0], UNTOUCHED);
	assert_int_equal(lb_partition_read(partition, lb_partition_bytes(partition) - 4096, data, 8192, &err),
			 -1);
	assert_says(&err, "full: read of 8192");
	assert_int_equal(lb_partition_read(partition, lb_partition_bytes(partition), data, 4096, &err), -1);
	fake.bad_block = FIRST;
	fake.bad = 1;
	assert_int_equal(lb_partition_read(partition, 0, data, 4096, &err), 0);
	assert_int_equal(fake.resets, 1);
	fake.bad = 2;
	assert_int_equal(lb_partition_read(partition, 0, data, 4096, &err), -1);
	assert_says(&err, "spare: read of 4096 bytes at 0x0 failed twice: fake: medium error");
}

static void test_polling_does_not_wait(void **state)
{
	struct lb_partition *partition;
	uint8_t *first;

	(void)state;
	make_disk(512, 4096, 4, 0x10000);
	partition = open_partition(2);
	lb_partition_poll(partition);
	first = take(partition);
	memset(first, 1, LB_PARTITION_BUFFER);
	assert_int_equal(lb_partition_put(partition, first, 0, LB_PARTITION_BUFFER, NULL), 0);
	assert_int_equal(fake.writes, 0);
	lb_partition_poll(partition);
	assert_int_equal(fake.writes, 2);
	assert_int_equal(lb_clock_ms(), 0);
	assert_ptr_equal(take(partition), first);
}

// Any fault that happens once costs one reset. The disk then has all data.
static void test_failing_once(void **state)
{
	(void)state;
	for (unsigned int kind = 0; kind < 7; kind++) {
		for (unsigned int order = OLDEST; order <= ANY; order++) {
			struct lb_partition *partition;

			make_disk(512, 4096, 8, 0x10000);
			fake.order = (enum order)order;
			fake.bad_block = kind == 0 ? FIRST + 777 : NEVER;
			fake.bad = kind == 0;
			fake.bad_flush = kind == 1;
			fake.bad_controller = kind == 2;
			fake.bad_submit = kind == 3;
			fake.lies = kind == 4 || kind == 5;
			fake.lie = kind == 4 ? 8 : LB_DISK_NO_TAG;
			partition = open_partition(6);
			write_all(partition);
			fake.silent = kind == 6;
			flush_well(partition);
			assert_int_equal(fake.resets, 1);
			assert_int_equal(fake.flushes, 1);
			assert_content(0, 4096 * 512, 0);
			assert_outside_untouched();
			assert_non_null(strstr(capture_said(), "resetting the controller"));
		}
	}
}

static void assert_over(struct lb_partition *partition, const struct lb_error *first)
{
	uint64_t submitted = fake.submitted, resets = fake.resets;
	struct lb_error err = {""};
	uint8_t page[LB_PAGE];

	assert_null(lb_partition_take(partition, &err));
	assert_string_equal(err.text, first->text);
	assert_int_equal(lb_partition_read(partition, 0, page, 4096, &err), -1);
	assert_string_equal(err.text, first->text);
	assert_int_equal(lb_partition_flush(partition, &err), -1);
	assert_string_equal(err.text, first->text);
	lb_partition_poll(partition);
	assert_int_equal(fake.submitted, submitted);
	assert_int_equal(fake.resets, resets);
}

static void test_failing_twice(void **state)
{
	static const char *const says[] = {
		"spare: write of 65536 bytes at 0x60000 failed twice: fake: medium error",
		"spare: flush of 0 bytes at 0x0 failed twice: fake: cache error",
		"failed twice: fake: controller is down", "failed twice: fake: does not take it",
		"failed twice: spare: request 9 is reported as done"};

	(void)state;
	for (unsigned int kind = 0; kind < 5; kind++) {
		struct lb_error err = {""};
		struct lb_partition *partition;
		uint8_t *buffer;
		int result = 0;

		make_disk(512, 4096, 8, 0x10000);
		fake.order = ANY;
		partition = open_partition(4);
		buffer = take(partition);
		fake.bad_block = FIRST + 0x60000 / 512;
		fake.bad = kind == 0 ? 2 : 0;
		fake.bad_flush = kind == 1 ? ALWAYS : 0;
		fake.bad_controller = kind == 2 ? ALWAYS : 0;
		fake.bad_submit = kind == 3 ? 2 : 0;
		fake.lies = kind == 4 ? 2 : 0;
		fake.lie = 9;
		for (uint64_t at = 0; !result && at < LB_MIB; at += LB_PARTITION_BUFFER) {
			uint8_t *next = lb_partition_take(partition, &err);

			result = next ? lb_partition_put(partition, next, at, LB_PARTITION_BUFFER, &err) : -1;
		}
		if (!result)
			result = lb_partition_flush(partition, &err);
		assert_int_equal(result, -1);
		assert_says(&err, says[kind]);
		assert_int_equal(fake.resets, 1);
		assert_over(partition, &err);
		assert_int_equal(lb_partition_put(partition, buffer, 0, 4096, &err), -1);
		assert_says(&err, says[kind]);
		assert_outside_untouched();
	}
}

// Each request that fails once is repeated.
static void test_each_has_its_own_chance(void **state)
{
	struct lb_partition *partition;

	(void)state;
	make_disk(512, 4096, 8, LB_MIB);
	partition = open_partition(8);
	for (uint64_t at = 0; at < 8; at++)
		put_well(partition, at * LB_PARTITION_BUFFER, LB_PARTITION_BUFFER, 0);
	for (uint64_t at = 0; at < 8; at++) {
		fake.bad_block = FIRST + at * LB_PARTITION_BUFFER / 512;
		fake.bad = 1;
		for (uint32_t i = 0; fake.bad && i < 64; i++)
			lb_partition_poll(partition);
	}
	flush_well(partition);
	assert_int_equal(fake.resets, 8);
	assert_content(0, LB_MIB, 0);
}

// Each failure alone would be repeated, but the number of resets has a limit.
static void test_resets_have_an_end(void **state)
{
	struct lb_error err = {""};
	struct lb_partition *partition;
	uint32_t written = 0;

	(void)state;
	make_disk(512, 4096, 8, LB_MIB);
	partition = open_partition(8);
	while (lb_partition_flush(partition, &err) == 0 && written < 64) {
		fake.bad_controller = 1;
		put_well(partition, written++ * 4096, 4096, 0);
	}
	assert_says(&err, "spare: still failing after 16 resets of the controller: fake: controller is down");
	assert_int_equal(written, 17);
	assert_int_equal(fake.resets, 16);
	assert_over(partition, &err);
}

static void test_reset_that_fails(void **state)
{
	struct lb_error err = {""};
	struct lb_partition *partition;

	(void)state;
	make_disk(512, 4096, 8, LB_MIB);
	partition = open_partition(2);
	fake.bad_controller = 1;
	fake.bad_reset = 1;
	put_well(partition, 0, 4096, 0);
	assert_int_equal(lb_partition_flush(partition, &err), -1);
	assert_says(&err, "spare: no reset helps: fake: controller stays down");
	assert_int_equal(fake.resets, 1);
	assert_over(partition, &err);
}

static void test_no_answer(void **state)
{
	struct lb_error err = {""};
	struct lb_partition *partition;

	(void)state;
	// One write of many is not answered. This costs the timeout, once.
	make_disk(512, 4096, 8, LB_MIB);
	capture_clock_pause(500);
	partition = open_partition(4);
	fake.silent = 1;
	write_all(partition);
	flush_well(partition);
	assert_int_equal(fake.resets, 1);
	assert_in_range(lb_clock_ms(), LB_DISK_TIMEOUT_MS, LB_DISK_TIMEOUT_MS + 100);
	assert_content(0, 4096 * 512, 0);

	// The disk never answers, first to a write, then to a flush.
	make_disk(512, 4096, 8, LB_MIB);
	capture_clock_pause(500);
	partition = open_partition(4);
	fake.silent = ALWAYS;
	put_well(partition, 0x3000, 8192, 0);
	assert_int_equal(lb_partition_flush(partition, &err), -1);
	assert_says(
		&err,
		"spare: write of 8192 bytes at 0x3000 failed twice: spare: no answer to a write in 10000 ms");
	assert_in_range(lb_clock_ms(), 2 * LB_DISK_TIMEOUT_MS, 2 * LB_DISK_TIMEOUT_MS + 100);
	assert_int_equal(fake.resets, 1);
	assert_over(partition, &err);

	make_disk(512, 4096, 8, LB_MIB);
	capture_clock_pause(500);
	partition = open_partition(4);
	put_well(partition, 0x3000, 8192, 0);
	lb_partition_poll(partition);
	fake.silent = ALWAYS;
	assert_int_equal(lb_partition_flush(partition, &err), -1);
	assert_says(&err, "no answer to a flush in 30000 ms");
	assert_in_range(lb_clock_ms(), 60000, 60100);
	assert_over(partition, &err);
}

// Timeouts are noticed by polls too, although a poll does not wait.
static void test_no_answer_while_polling(void **state)
{
	struct lb_error err = {""};
	struct lb_partition *partition;

	(void)state;
	make_disk(512, 4096, 8, LB_MIB);
	partition = open_partition(4);
	fake.silent = ALWAYS;
	put_well(partition, 0, 4096, 0);
	capture_clock_move(LB_DISK_TIMEOUT_MS - 1);
	lb_partition_poll(partition);
	assert_int_equal(fake.resets, 0);
	capture_clock_move(1);
	lb_partition_poll(partition);
	assert_int_equal(fake.resets, 1);
	capture_clock_move(LB_DISK_TIMEOUT_MS);
	lb_partition_poll(partition);
	assert_int_equal(fake.resets, 1);
	assert_null(lb_partition_take(partition, &err));
	assert_says(&err, "no answer");
}

static int free_disk(void **state)
{
	(void)state;
	capture_reset();
	free(fake.data);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_shape_of_disk),
		cmocka_unit_test(test_boundaries),
		cmocka_unit_test(test_ragged_end),
		cmocka_unit_test(test_misaligned),
		cmocka_unit_test(test_partition_outside_the_disk),
		cmocka_unit_test(test_disk_that_makes_no_sense),
		cmocka_unit_test(test_little_memory),
		cmocka_unit_test(test_buffers_are_checked),
		cmocka_unit_test(test_rewriting_waits),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_polling_does_not_wait),
		cmocka_unit_test(test_failing_once),
		cmocka_unit_test(test_failing_twice),
		cmocka_unit_test(test_each_has_its_own_chance),
		cmocka_unit_test(test_resets_have_an_end),
		cmocka_unit_test(test_reset_that_fails),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_no_answer_while_polling),
	};

	return cmocka_run_group_tests(tests, NULL, free_disk);
}
