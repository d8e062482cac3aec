// SPDX-License-Identifier: BSD-2-Clause
// crash/disk/stamp.c: a block belongs to the file only if each of its bytes says so.
#include <stdlib.h>
#include <string.h>

#include "crash/disk/stamp.h"
#include "unit.h"

#define BLOCKS 4
#define BYTES (BLOCKS * LB_DUMP_BLOCK)
#define AT (7ULL * LB_DUMP_BLOCK)

static const uint8_t id[16] = "0123456789abcde", other[16] = "0123456789abcdf";
static _Alignas(8) uint8_t data[BYTES];

static uint64_t check(void)
{
	return lb_stamp_check(id, AT, data, BYTES);
}

static int fill(void **state)
{
	(void)state;
	lb_stamp_fill(id, AT, data, BYTES);
	return 0;
}

static void test_form(void **state)
{
	const struct lb_stamp *stamp = (const struct lb_stamp *)(data + LB_DUMP_BLOCK + 3 * LB_STAMP_BYTES);

	(void)state;
	assert_memory_equal(&stamp->magic, "LBASTAMP", 8);
	assert_memory_equal(stamp->file_id, id, sizeof(id));
	assert_int_equal(stamp->offset, AT + LB_DUMP_BLOCK + 3 * LB_STAMP_BYTES);
}

static void test_whole(void **state)
{
	(void)state;
	assert_int_equal(check(), BYTES);
	assert_int_equal(lb_stamp_check(id, AT, data, 0), 0);
	// A block that is not whole does not count.
	assert_int_equal(lb_stamp_check(id, AT, data, BYTES - 1), BYTES - LB_DUMP_BLOCK);
}

// Each byte of a block is changed in turn.
static void test_every_byte_counts(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < BYTES; i++) {
		data[i] ^= (uint8_t)(1U << i % 8);
		assert_int_equal(check(), i / LB_DUMP_BLOCK * LB_DUMP_BLOCK);
		data[i] ^= (uint8_t)(1U << i % 8);
	}
	assert_int_equal(check(), BYTES);
}

// The stamps are the file's, but of another place in it.
static void test_other_place(void **state)
{
	(void)state;
	assert_int_equal(lb_stamp_check(id, AT + LB_DUMP_BLOCK, data, BYTES), 0);
	assert_int_equal(lb_stamp_check(id, 0, data, BYTES), 0);
	lb_stamp_fill(id, AT + 3 * LB_DUMP_BLOCK, data + LB_DUMP_BLOCK, LB_DUMP_BLOCK);
	assert_int_equal(check(), LB_DUMP_BLOCK);
}

// The stamps are another file's, or those of a file made anew at the same place.
static void test_other_file(void **state)
{
	(void)state;
	assert_int_equal(lb_stamp_check(other, AT, data, BYTES), 0);
	lb_stamp_fill(other, AT + LB_DUMP_BLOCK, data + LB_DUMP_BLOCK, LB_DUMP_BLOCK);
	assert_int_equal(check(), LB_DUMP_BLOCK);
}

// One sector of a block has lost its stamp, as on a file system with clusters of a sector.
static void test_one_sector(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < LB_DUMP_BLOCK; at += 512) {
		fill(NULL);
		memset(data + LB_DUMP_BLOCK + at, 0, 512);
		assert_int_equal(check(), LB_DUMP_BLOCK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_form, fill),
		cmocka_unit_test_setup(test_whole, fill),
		cmocka_unit_test_setup(test_every_byte_counts, fill),
		cmocka_unit_test_setup(test_other_place, fill),
		cmocka_unit_test_setup(test_other_file, fill),
		cmocka_unit_test_setup(test_one_sector, fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
