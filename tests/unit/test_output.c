// SPDX-License-Identifier: BSD-2-Clause
#include "age_made.h"
#include "capture_platform.h"
#include "crash/dump/output.h"
#include "memory_disk.h"

#define START (2 * LB_PAGE)

static struct memory_disk disk;
static struct lb_partition *partition;
static struct lb_crypt_file file;
static struct lb_chunk *room;
static struct lb_output output;
static struct lb_error err;
static uint8_t key[LB_CRYPT_KEY];
static uint32_t prefix;

static uint8_t byte_at(uint64_t at)
{
	return (uint8_t)(at * 2654435761U >> 15);
}

static void begin(uint32_t helpers, uint64_t limit)
{
	// The base point is a valid recipient.
	const struct lb_recipients recipients = {.count = 1, .list = {{{9}}}};
	const struct lb_capture_config config = {
		.format = LB_DUMP_RAW, .cpus = helpers, .apic_count = helpers, .crypt = 1};
	struct lb_sealing sealing = {.file = &file, .helped = helpers};
	uint32_t count;

	memory_disk_close(&disk);
	capture_reset();
	capture_clock_pause(0);
	capture_cpus(helpers);
	if (helpers && lb_helpers_open(&config, 1, &count, &err) != 0)
		fail_msg("%s", err.text);
	memory_disk_open(&disk, 4 * LB_MIB, 0xb7);
	assert_int_equal(lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err), 0);
	assert_int_equal(lb_age_make(&recipients, &age_random, &file, &err), 0);
	memcpy(key, file.key, sizeof(key));
	prefix = file.prefix_bytes;
	room = lb_chunk_new();
	sealing.room = room;
	memset(&output, 0xa5, sizeof(output));
	assert_int_equal(lb_output_open(&output, partition, START, limit, &sealing, &err), 0);
}

static void add(uint64_t bytes)
{
	static uint8_t data[5 * LB_CHUNK_PLAIN];

	for (uint64_t i = 0; i < bytes; i++)
		data[i] = byte_at(output.bytes + i);
	if (lb_output_add(&output, data, bytes, &err) != 0)
		fail_msg("%s", err.text);
}

// Decrypts each chunk on the disk, the last one as the file's last if `ended`.
static void check_disk(uint64_t bytes, bool ended)
{
	uint64_t at = START + prefix;

	assert_int_equal(lb_partition_flush(partition, &err), 0);
	for (uint64_t number = 0, done = 0; done < bytes || (ended && !bytes && !number); number++) {
		const uint64_t left = bytes - done;
		const uint32_t piece = left < LB_CHUNK_PLAIN ? (uint32_t)left : LB_CHUNK_PLAIN;
		uint8_t chunk[LB_CHUNK_SEALED];

		memcpy(chunk, disk.data + at, piece + LB_CRYPT_TAG);
		assert_true(lb_chunk_open(key, (struct lb_chunk_place){number, ended && piece == left}, chunk,
					  piece + LB_CRYPT_TAG));
		for (uint32_t i = 0; i < piece; i++)
			assert_int_equal(chunk[i], byte_at(done + i));
		at += piece + LB_CRYPT_TAG;
		done += piece;
	}
	assert_int_equal(output.stream.bytes, at - START);
}

static void assert_wiped(void)
{
	static const struct lb_crypt_file none;

	assert_memory_equal(&file, &none, sizeof(none));
}

static void test_lengths(void **state)
{
	static const uint64_t lengths[] = {0,
					   1,
					   LB_CHUNK_PLAIN - 1,
					   LB_CHUNK_PLAIN,
					   LB_CHUNK_PLAIN + 1,
					   3 * LB_CHUNK_PLAIN,
					   4 * LB_CHUNK_PLAIN + 5};

	(void)state;
	for (uint32_t helpers = 0; helpers <= 3; helpers++) {
		for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			begin(helpers, LB_MIB);
			add(lengths[i]);
			assert_int_equal(lb_output_end(&output, &err), 0);
			assert_wiped();
			check_disk(lengths[i], true);
		}
	}
}

// When output is settled in between, whole chunks are on the disk, and they do not change later.
static void test_settle(void **state)
{
	(void)state;
	for (uint32_t helpers = 0; helpers <= 3; helpers += 3) {
		begin(helpers, 3 * LB_MIB);
		for (unsigned int i = 0; i < 40; i++) {
			add(33333);
			if (i % 5)
				continue;
			assert_int_equal(lb_output_settle(&output, &err), 0);
			check_disk((output.bytes - 1) / LB_CHUNK_PLAIN * LB_CHUNK_PLAIN, false);
		}
		assert_int_equal(lb_output_end(&output, &err), 0);
		check_disk(40 * 33333, true);
	}
}

// As many bytes fit as lb_output_room() says, and not one more.
static void test_room(void **state)
{
	(void)state;
	for (uint64_t limit = START + LB_PAGE; limit < START + 2 * LB_CHUNK_SEALED + LB_PAGE;
	     limit += LB_PAGE) {
		uint64_t fits;

		begin(0, limit);
		fits = lb_output_room(&output);
		assert_true(fits + 3 * LB_CRYPT_TAG + prefix >= limit - START);
		assert_int_equal(lb_output_add_zeroes(&output, fits + 1, &err), -1);
		assert_non_null(strstr(err.text, "full"));
		add(fits);
		assert_int_equal(lb_output_room(&output), 0);
		assert_int_equal(lb_output_end(&output, &err), 0);
		check_disk(fits, true);
		assert_int_equal(disk.data[limit], 0xb7);
	}
}

static void test_read_back(void **state)
{
	static uint8_t data[3 * LB_CHUNK_PLAIN];

	(void)state;
	begin(3, 3 * LB_MIB);
	add(5 * LB_CHUNK_PLAIN);
	add(1);
	assert_int_equal(lb_output_settle(&output, &err), 0);
	for (uint64_t at = 0; at + sizeof(data) <= 5 * LB_CHUNK_PLAIN; at += 23456) {
		if (lb_output_read(&output, at, data, sizeof(data), &err) != 0)
			fail_msg("%s", err.text);
		for (uint64_t i = 0; i < sizeof(data); i++)
			assert_int_equal(data[i], byte_at(at + i));
	}
	assert_int_equal(lb_partition_flush(partition, &err), 0);
	// The disk gives back other data than was written.
	disk.data[START + prefix + LB_CHUNK_SEALED + 77] ^= 1;
	output.read = 0;
	assert_int_equal(lb_output_read(&output, 0, data, LB_CHUNK_PLAIN, &err), 0);
	assert_int_equal(lb_output_read(&output, LB_CHUNK_PLAIN, data, 1, &err), -1);
	assert_non_null(strstr(err.text, "chunk 1"));
	lb_output_abandon(&output);
	assert_wiped();
	assert_null(lb_helpers_chunk_collect());
}

static void test_in_the_clear(void **state)
{
	(void)state;
	begin(0, LB_MIB);
	assert_int_equal(lb_output_open(&output, partition, START, LB_MIB, NULL, &err), 0);
	assert_int_equal(lb_output_room(&output), LB_MIB - START);
	add(5000);
	assert_int_equal(lb_output_align(&output, LB_PAGE, &err), 0);
	assert_int_equal(output.bytes, 2 * LB_PAGE);
	assert_int_equal(lb_output_end(&output, &err), 0);
	assert_int_equal(output.stream.bytes, 2 * LB_PAGE);
	assert_int_equal(lb_partition_flush(partition, &err), 0);
	for (uint64_t i = 0; i < 5000; i++)
		assert_int_equal(disk.data[START + i], byte_at(i));
}

static void test_no_key(void **state)
{
	struct lb_crypt_file none = {.prefix_bytes = 0};
	struct lb_sealing sealing = {.file = &none};

	(void)state;
	begin(0, LB_MIB);
	sealing.room = room;
	assert_int_equal(lb_output_open(&output, partition, START, LB_MIB, &sealing, &err), -1);
	none.prefix_bytes = sizeof(none.prefix) + 1;
	assert_int_equal(lb_output_open(&output, partition, START, LB_MIB, &sealing, &err), -1);
	sealing = (struct lb_sealing){.file = &file};
	assert_int_equal(lb_output_open(&output, partition, START, LB_MIB, &sealing, &err), -1);
	sealing = (struct lb_sealing){.file = NULL, .room = room};
	assert_int_equal(lb_output_open(&output, partition, START, LB_MIB, &sealing, &err), -1);
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
		cmocka_unit_test(test_lengths),      cmocka_unit_test(test_settle),
		cmocka_unit_test(test_room),         cmocka_unit_test(test_read_back),
		cmocka_unit_test(test_in_the_clear), cmocka_unit_test(test_no_key),
	};
	return cmocka_run_group_tests(tests, NULL, tidy);
}
