// SPDX-License-Identifier: BSD-2-Clause
// Flattened dumps: pieces in any order, cut dumps, and pieces with wrong places.
#define _GNU_SOURCE // memfd_create()
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/common/unflatten.h"
#include "unit.h"

static int from, to;
static off_t end;
static struct lb_error err;

static void put(const void *data, size_t bytes)
{
	assert_int_equal(pwrite(from, data, bytes, end), bytes);
	end += (off_t)bytes;
}

static void put_number(int64_t number)
{
	uint8_t bytes[8];

	for (unsigned int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
	put(bytes, sizeof(bytes));
}

static void put_piece(int64_t offset, int64_t bytes, const char *text)
{
	put_number(offset);
	put_number(bytes);
	put(text, strlen(text));
}

static int open_files(void **state)
{
	(void)state;
	from = memfd_create("from", 0);
	to = memfd_create("to", 0);
	end = 0;
	put("makedumpfile\0\0\0\0", 16);
	put_number(1);
	put_number(1);
	end = 4096;
	return from < 0 || to < 0;
}

static int close_files(void **state)
{
	(void)state;
	return close(from) | close(to);
}

static void puts_pieces_where_they_belong(void **state)
{
	char text[16] = "";

	(void)state;
	put_piece(8, 4, "last");
	put_piece(0, 5, "first");
	put_piece(6, 1, "x");
	put_piece(-1, -1, "junk behind the end");
	assert_true(unflatten_wants(from));
	assert_int_equal(unflatten(from, "dump", to, &err), 0);
	assert_int_equal(lseek(to, 0, SEEK_END), 12);
	assert_int_equal(pread(to, text, sizeof(text), 0), 12);
	assert_memory_equal(text, "first\0x\0last", 12);
}

static void copies_large_pieces(void **state)
{
	static char data[200001], copy[200001];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(data); i++)
		data[i] = (char)('a' + i % 23);
	put_piece(3, 200000, data);
	put_piece(-1, -1, "");
	assert_int_equal(unflatten(from, "dump", to, &err), 0);
	assert_int_equal(pread(to, copy, 200000, 3), 200000);
	assert_memory_equal(copy, data, 200000);
}

static void refuses(int64_t offset, int64_t bytes, int result, const char *why)
{
	end = 4096;
	assert_int_equal(ftruncate(from, end), 0);
	put_piece(offset, bytes, "data");
	assert_int_equal(unflatten(from, "dump", to, &err), result);
	assert_string_equal(err.text, why);
}

static void refuses_what_is_cut_or_lies_nowhere(void **state)
{
	(void)state;
	refuses(0, 5, UNFLATTEN_CUT,
		"dump: flattened: its piece at byte 4112 of 5 bytes: the file ends before");
	refuses(0, 4, UNFLATTEN_CUT, "dump: flattened, and cut at byte 4116: it has no end");
	refuses(-2, 4, -1, "dump: flattened: its piece at byte 4112 has 4 bytes at -2, want both in a file");
	refuses(0, -4, -1, "dump: flattened: its piece at byte 4112 has -4 bytes at 0, want both in a file");
	refuses(INT64_MAX, 1, -1,
		"dump: flattened: its piece at byte 4112 has 1 bytes at 9223372036854775807, want both in a "
		"file");
	refuses(0, INT64_MAX, -1,
		"dump: flattened: its piece at byte 4112 has 9223372036854775807 bytes at 0, want both in a "
		"file");
}

static void knows_what_is_flattened(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(from, 31), 0);
	assert_false(unflatten_wants(from));
	end = 12;
	put("!", 1);
	end = 32;
	put("!", 1);
	assert_false(unflatten_wants(from));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(puts_pieces_where_they_belong, open_files, close_files),
		cmocka_unit_test_setup_teardown(copies_large_pieces, open_files, close_files),
		cmocka_unit_test_setup_teardown(refuses_what_is_cut_or_lies_nowhere, open_files, close_files),
		cmocka_unit_test_setup_teardown(knows_what_is_flattened, open_files, close_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
