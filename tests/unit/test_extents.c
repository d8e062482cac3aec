// SPDX-License-Identifier: BSD-2-Clause
// crash/disk/extents.c: good pieces of a file, and lists that are refused.
#include <string.h>

#include "crash/disk/extents.h"
#include "unit.h"

#define BLOCK 4096ULL
#define PARTITION (64 * BLOCK)

static const struct lb_extents_room room = {512, PARTITION};
// Pieces that are not in the disk's order, and not aligned to 4 KiB of the disk.
static const struct lb_extent good[] = {
	{40 * BLOCK + 512, 4 * BLOCK}, {8 * BLOCK, BLOCK}, {9 * BLOCK, 2 * BLOCK}};
#define GOOD (sizeof(good) / sizeof(good[0]))

static struct lb_error err;

static int check_with(uint32_t i, struct lb_extent one)
{
	struct lb_extent extents[GOOD];

	memcpy(extents, good, sizeof(good));
	extents[i] = one;
	err.text[0] = '\0';
	return lb_extents_check(extents, GOOD, &room, &err);
}

static void refused(uint32_t i, struct lb_extent one, const char *why)
{
	assert_int_equal(check_with(i, one), -1);
	assert_non_null(strstr(err.text, why));
}

static void test_good(void **state)
{
	(void)state;
	assert_int_equal(lb_extents_check(good, GOOD, &room, &err), 0);
	assert_int_equal(lb_extents_bytes(good, GOOD), 7 * BLOCK);
	// A piece may reach to the partition's last byte.
	assert_int_equal(check_with(1, (struct lb_extent){PARTITION - BLOCK, BLOCK}), 0);
}

static void test_refused(void **state)
{
	(void)state;
	refused(1, (struct lb_extent){8 * BLOCK, 0}, "piece 1 has 0 bytes");
	refused(1, (struct lb_extent){8 * BLOCK, BLOCK - 512}, "whole blocks of 4096");
	refused(1, (struct lb_extent){8 * BLOCK + 1, BLOCK}, "a multiple of the disk's 512");
	refused(1, (struct lb_extent){PARTITION, BLOCK}, "the partition has 262144");
	refused(1, (struct lb_extent){PARTITION - BLOCK + 512, BLOCK}, "the partition has");
	refused(1, (struct lb_extent){UINT64_MAX - 511, BLOCK}, "the partition has");
	refused(1, (struct lb_extent){512, UINT64_MAX - 4095}, "the partition has");
	refused(0, (struct lb_extent){40 * BLOCK, BLOCK}, "for the dump's headers");
}

static void test_overlap(void **state)
{
	(void)state;
	refused(2, (struct lb_extent){8 * BLOCK, 2 * BLOCK}, "pieces 1 and 2 lie on the same blocks");
	refused(2, (struct lb_extent){7 * BLOCK + 512, BLOCK}, "pieces 1 and 2");
	refused(2, (struct lb_extent){44 * BLOCK, BLOCK}, "pieces 0 and 2");
	assert_int_equal(check_with(2, (struct lb_extent){7 * BLOCK, BLOCK}), 0);
	assert_int_equal(check_with(2, (struct lb_extent){44 * BLOCK + 512, BLOCK}), 0);
}

static void test_count(void **state)
{
	struct lb_extent many[LB_MAX_EXTENTS + 1];

	(void)state;
	for (uint32_t i = 0; i <= LB_MAX_EXTENTS; i++)
		many[i] = (struct lb_extent){2 * i * BLOCK, 2 * BLOCK};
	assert_int_equal(lb_extents_check(many, LB_MAX_EXTENTS, &room, &err), 0);
	assert_int_equal(lb_extents_check(many, LB_MAX_EXTENTS + 1, &room, &err), -1);
	assert_int_equal(lb_extents_check(many, 0, &room, &err), -1);
	assert_non_null(strstr(err.text, "0 pieces, wanted 1 to 24"));
}

// Compares lb_extents_find() with the list written out byte by byte.
static void test_find(void **state)
{
	uint64_t offset = 0, bytes;

	(void)state;
	for (uint32_t i = 0; i < GOOD; i++) {
		for (uint64_t in = 0; in < good[i].bytes; in += 512, offset += 512) {
			assert_int_equal(lb_extents_find(good, GOOD, offset, &bytes), good[i].start + in);
			assert_int_equal(bytes, good[i].bytes - in);
		}
	}
	lb_extents_find(good, GOOD, offset, &bytes);
	assert_int_equal(bytes, 0);
	lb_extents_find(good, GOOD, UINT64_MAX, &bytes);
	assert_int_equal(bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),  cmocka_unit_test(test_refused), cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_count), cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
