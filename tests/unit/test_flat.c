// SPDX-License-Identifier: BSD-2-Clause
// The flattened form: each piece has the form that makedumpfile describes, lb_flat_room() keeps its promise,
// and everything before a pad can be read back.
#include "crash/dump/flat.h"

#include "age_made.h"
#include "capture_platform.h"
#include "memory_disk.h"

#define START LB_PAGE
#define HEAD 4096U

static struct memory_disk disk;
static struct lb_partition *partition;
static struct lb_crypt_file file;
static struct lb_flat flat;
static struct lb_error err;
static uint8_t key[LB_CRYPT_KEY];
static uint64_t prefix;
static uint8_t content[2 * LB_MIB]; // what was written, decrypted

static void begin(uint64_t limit)
{
	// The base point is a valid recipient.
	const struct lb_recipients recipients = {.count = 1, .list = {{{9}}}};
	const struct lb_capture_config config = {
		.format = LB_DUMP_RAW, .cpus = 1, .apic_count = 1, .crypt = 1};
	// helped: sealing in place would overwrite what is read back.
	struct lb_sealing sealing = {.file = &file, .helped = true};
	uint32_t cpus;

	memory_disk_close(&disk);
	capture_reset();
	assert_int_equal(lb_helpers_open(&config, 1, &cpus, &err), 0);
	memory_disk_open(&disk, 2 * LB_MIB, 0xb7);
	assert_int_equal(lb_partition_open(&disk.disk, &disk.target, 8, &partition, &err), 0);
	assert_int_equal(lb_age_make(&recipients, &age_random, &file, &err), 0);
	memcpy(key, file.key, sizeof(key));
	prefix = file.prefix_bytes;
	sealing.room = lb_chunk_new();
	if (lb_flat_open(&flat, partition, START, limit, &sealing, &err) != 0)
		fail_msg("%s", err.text);
}

// Decrypts all chunks of the ended file into `content`; returns the number of bytes.
static uint64_t open_all(void)
{
	uint64_t left = flat.output.stream.bytes - prefix, bytes = 0;
	uint8_t chunk[LB_CHUNK_SEALED];

	assert_int_equal(lb_partition_flush(partition, &err), 0);
	for (uint64_t number = 0; left; number++) {
		const uint32_t piece = left < LB_CHUNK_SEALED ? (uint32_t)left : LB_CHUNK_SEALED;

		memcpy(chunk, disk.data + START + prefix + number * LB_CHUNK_SEALED, piece);
		assert_true(lb_chunk_open(key, (struct lb_chunk_place){number, piece == left}, chunk, piece));
		memcpy(content + bytes, chunk, piece - LB_CRYPT_TAG);
		bytes += piece - LB_CRYPT_TAG;
		left -= piece;
	}
	return bytes;
}

static void assert_number(uint64_t at, uint64_t wanted)
{
	uint64_t found;

	memcpy(&found, content + at, sizeof(found));
	assert_int_equal(__builtin_bswap64(found), wanted);
}

static void test_layout(void **state)
{
	static const char signature[16] = "makedumpfile";

	(void)state;
	begin(LB_MIB);
	assert_int_equal(lb_flat_put(&flat, 0x123456789abcdefULL, "abc", 3, &err), 0);
	assert_int_equal(lb_flat_put(&flat, 0, "z", 1, &err), 0);
	assert_int_equal(lb_flat_end(&flat, &err), 0);
	assert_int_equal(open_all(), HEAD + 16 + 3 + 16 + 1 + 16);
	assert_memory_equal(content, signature, sizeof(signature));
	assert_number(16, 1); // type of the flattened form
	assert_number(24, 1); // version of the flattened form
	for (uint32_t i = 32; i < HEAD; i++)
		assert_int_equal(content[i], 0);
	assert_number(HEAD, 0x123456789abcdefULL);
	assert_number(HEAD + 8, 3);
	assert_memory_equal(content + HEAD + 16, "abc", 3);
	assert_number(HEAD + 19, 0);
	assert_number(HEAD + 27, 1);
	assert_int_equal(content[HEAD + 35], 'z');
	assert_number(HEAD + 36, UINT64_MAX);
	assert_number(HEAD + 44, UINT64_MAX);
}

// As many bytes fit as lb_flat_room() says, with the mark of the end behind them. One byte more does not fit.
static void test_room(void **state)
{
	static uint8_t data[LB_MIB];

	(void)state;
	for (uint64_t limit = START + 4 * LB_PAGE; limit <= LB_MIB; limit += 41 * LB_PAGE) {
		uint64_t room;

		begin(limit);
		room = lb_flat_room(&flat);
		assert_in_range(room, 1, limit - START - HEAD - prefix);
		assert_int_equal(lb_flat_put(&flat, 0, data, room - LB_FLAT_PIECE, &err), 0);
		assert_int_equal(lb_flat_room(&flat), 0);
		assert_int_equal(lb_flat_end(&flat, &err), 0);
		assert_true(flat.output.stream.bytes <= limit - START);
		begin(limit);
		assert_int_equal(lb_flat_put(&flat, 0, data, room + 1, &err), -1);
		assert_non_null(strstr(err.text, "full"));
	}
}

static void test_no_room(void **state)
{
	struct lb_sealing sealing = {.file = &file, .helped = true};

	(void)state;
	begin(LB_MIB);
	sealing.room = lb_chunk_new();
	assert_int_equal(lb_flat_open(&flat, partition, START, 2 * START, &sealing, &err), -1);
}

// A pad has at least as many zeroes as requested. Everything before it is read back unchanged.
static void test_pad(void **state)
{
	static uint8_t data[3 * LB_CHUNK_PLAIN], back[3 * LB_CHUNK_PLAIN];

	(void)state;
	for (uint64_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 2654435761U >> 15);
	for (uint64_t put = 1; put < sizeof(data); put += put / 2 + LB_CHUNK_PLAIN / 7) {
		const uint64_t least[] = {1, LB_PAGE, LB_CHUNK_PLAIN};

		for (unsigned int i = 0; i < 3; i++) {
			uint64_t at, zeroes = 0;

			begin(LB_MIB);
			assert_int_equal(lb_flat_put(&flat, 0, data, put, &err), 0);
			at = flat.output.bytes;
			assert_int_equal(lb_flat_pad(&flat, put, least[i], &zeroes, &err), 0);
			assert_true(zeroes >= least[i] &&
				    zeroes <= least[i] + LB_CHUNK_PLAIN + LB_FLAT_PIECE);
			assert_int_equal(flat.output.bytes, at + LB_FLAT_PIECE + zeroes);
			assert_int_equal(lb_output_settle(&flat.output, &err), 0);
			assert_int_equal(lb_output_read(&flat.output, HEAD + LB_FLAT_PIECE, back, put, &err),
					 0);
			assert_memory_equal(back, data, put);
			assert_int_equal(lb_flat_end(&flat, &err), 0);
			open_all();
			assert_number(at, put);
			assert_number(at + 8, zeroes);
			for (uint64_t zero = 0; zero < zeroes; zero++)
				assert_int_equal(content[at + LB_FLAT_PIECE + zero], 0);
		}
	}
}

static int close_all(void **state)
{
	(void)state;
	memory_disk_close(&disk);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_pad),
	};

	return cmocka_run_group_tests(tests, NULL, close_all);
}
