// SPDX-License-Identifier: BSD-2-Clause
// The table of page descriptors, filled in several passes, is compared with an array.
#include <stdlib.h>
#include <string.h>

#include "capture_platform.h"
#include "crash/dump/desc_table.h"
#include "memory_disk.h"
#include "unit.h"

#define START (3 * LB_PAGE)
#define COUNT 12345U // several windows, and part of another
#define BYTES (COUNT * sizeof(struct lb_page_desc))
#define BEFORE 0xb7

static struct memory_disk disk;
static struct lb_partition *partition;
static struct lb_desc_table table;
static struct lb_page_desc wanted[COUNT];
static struct lb_error err;

static int prepare(void **state)
{
	(void)state;
	capture_reset();
	memory_disk_close(&disk);
	memory_disk_open(&disk, LB_MIB, BEFORE);
	memset(wanted, 0, sizeof(wanted));
	if (lb_partition_open(&disk.disk, &disk.target, 4, &partition, &err) != 0 ||
	    lb_desc_table_make(&table, partition, START, COUNT, lb_heap_pages(LB_DESC_AHEAD_BYTES), &err) !=
		    0)
		fail_msg("%s", err.text);
	return 0;
}

static int tidy(void **state)
{
	(void)state;
	memory_disk_close(&disk);
	capture_reset();
	return 0;
}

static void put(uint64_t index, uint64_t offset)
{
	wanted[index] = (struct lb_page_desc){.offset = offset, .bytes = (uint32_t)index};
	if (lb_desc_table_put(&table, index, &wanted[index], &err) != 0)
		fail_msg("%s", err.text);
}

static void begin_pass(bool last)
{
	assert_int_equal(lb_desc_table_rewind(&table, last, &err), 0);
}

static void check_disk(void)
{
	assert_int_equal(lb_desc_table_settle(&table, &err), 0);
	assert_int_equal(lb_partition_flush(partition, &err), 0);
	assert_memory_equal(disk.data + START, wanted, BYTES);
	assert_int_equal(disk.data[START - 1], BEFORE);
	assert_int_equal(disk.data[lb_align_up(START + BYTES, LB_PAGE)], BEFORE);
}

static void finish(void)
{
	uint8_t digest[LB_SHA256_BYTES], right[LB_SHA256_BYTES];

	assert_int_equal(lb_desc_table_finish(&table, digest, &err), 0);
	check_disk();
	lb_sha256(wanted, BYTES, right);
	assert_memory_equal(digest, right, sizeof(right));
}

static void test_zeroes_at_first(void **state)
{
	(void)state;
	check_disk();
	begin_pass(true);
	finish();
}

static void test_two_passes(void **state)
{
	bool set;

	(void)state;
	srand(1);
	for (uint64_t i = 0, end = COUNT; i < end; i += 1 + (uint64_t)rand() % 700)
		put(i, 4096 + i);
	begin_pass(true);
	for (uint64_t i = 0; i < COUNT; i++) {
		assert_int_equal(lb_desc_table_is_set(&table, i, &set, &err), 0);
		assert_int_equal(set, wanted[i].offset != 0);
		if (i % 3 == 0 && !set)
			put(i, 7);
		if (i % 1000 == 0)
			check_disk();
	}
	finish();
}

// If the first pass ends early, the rest of the table is zeroes, and the digest covers the whole table.
static void test_ended_early(void **state)
{
	(void)state;
	put(3, 1);
	put(7000, 2);
	finish();
	assert_int_equal(lb_desc_table_put(&table, 6, &wanted[6], &err), -1);
	assert_int_equal(lb_desc_table_put(&table, COUNT, &wanted[0], &err), -1);
}

static void test_no_descriptor(void **state)
{
	bool set;

	(void)state;
	assert_int_equal(lb_desc_table_is_set(&table, COUNT, &set, &err), -1);
	assert_string_equal(err.text, "page descriptor 12345 of 12345 is asked for");
	assert_int_equal(lb_desc_table_put(&table, COUNT, &wanted[0], &err), -1);
	assert_string_equal(err.text, "page descriptor 12345 is put after 0, of 12345");
}

static void test_disk_gone(void **state)
{
	uint8_t digest[LB_SHA256_BYTES];
	bool set;

	(void)state;
	put(5, 9);
	disk.gone_after = 0;
	assert_int_equal(lb_desc_table_rewind(&table, true, &err), -1);
	assert_int_equal(lb_desc_table_is_set(&table, 0, &set, &err), -1);
	assert_int_equal(lb_desc_table_finish(&table, digest, &err), -1);
	assert_non_null(strstr(err.text, "gone"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_zeroes_at_first, prepare),
		cmocka_unit_test_setup(test_two_passes, prepare),
		cmocka_unit_test_setup(test_ended_early, prepare),
		cmocka_unit_test_setup(test_no_descriptor, prepare),
		cmocka_unit_test_setup(test_disk_gone, prepare),
	};

	return cmocka_run_group_tests(tests, NULL, tidy);
}
