// SPDX-License-Identifier: BSD-2-Clause
// crash/disk/target_check.c: if the partition is not at its place any more, nothing is written.

#include "capture_platform.h"
#include "crash/disk/target_check.h"
#include "gpt_disk.h"
#include "unit.h"

#define FIRST 64
#define LAST 120
#define ID 9

static struct gpt_disk table;
static uint32_t largest; // the most bytes of one request
static bool answers;

static int submit(struct lb_disk *disk, const struct lb_disk_request *request, struct lb_error *err)
{
	assert_int_equal(request->tag, 0);
	assert_int_equal(request->op, LB_DISK_READ);
	assert_true((uintptr_t)request->buffer % LB_PAGE == 0);
	assert_int_equal(request->bytes % disk->block_bytes, 0);
	largest = request->bytes > largest ? request->bytes : largest;
	if (!gpt_disk_read(&table, request->block, request->bytes / disk->block_bytes, request->buffer))
		return lb_fail(err, "bad block");
	return 0;
}

static int poll(struct lb_disk *disk, uint32_t *ret_tag, struct lb_error *err)
{
	(void)disk;
	(void)err;
	*ret_tag = 0;
	return answers;
}

static int check(uint32_t block_bytes, struct lb_error *err)
{
	static const struct lb_disk_driver driver = {.name = "table", .submit = submit, .poll = poll};
	struct lb_disk disk = {.driver = &driver,
			       .block_bytes = block_bytes,
			       .blocks = GPT_DISK_BLOCKS,
			       .max_bytes = LB_PAGE};
	struct lb_target target = {
		.block_bytes = block_bytes, .first_block = FIRST, .last_block = LAST, .name = "PARTLABEL=x"};

	target.partuuid[15] = ID;
	largest = 0;
	capture_reset();
	return lb_target_in_place(&disk, &target, lb_heap_pages(LB_TARGET_CHECK_ROOM), err);
}

static void make(uint32_t block_bytes, uint8_t id, uint64_t first, uint64_t last)
{
	answers = true;
	gpt_disk_make(&table, block_bytes);
	gpt_disk_add(&table, 0, 1, 40, 50, u"other");
	gpt_disk_add(&table, 5, id, first, last, u"dump");
	gpt_disk_seal(&table);
}

static void test_where_it_was(void **state)
{
	struct lb_error err = {""};

	(void)state;
	for (uint32_t block_bytes = 512; block_bytes <= 4096; block_bytes *= 8) {
		make(block_bytes, ID, FIRST, LAST);
		assert_int_equal(check(block_bytes, &err), 0);
		assert_int_equal(largest, LB_PAGE);
	}
}

static void test_moved(void **state)
{
	static const uint64_t places[][2] = {{FIRST + 1, LAST}, {FIRST, LAST - 1}, {FIRST, LAST + 1}};
	struct lb_error err = {""};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		make(512, ID, places[i][0], places[i][1]);
		assert_int_equal(check(512, &err), -1);
		assert_non_null(strstr(err.text, "armed for 64 to 120; it is left alone"));
	}
}

static void test_gone(void **state)
{
	struct lb_error err = {""};

	(void)state;
	make(512, ID + 1, FIRST, LAST);
	assert_int_equal(check(512, &err), -1);
	assert_non_null(strstr(err.text, "does not have it any more"));
}

static void test_unreadable(void **state)
{
	struct lb_error err = {""};

	(void)state;
	make(512, ID, FIRST, LAST);
	memset(table.data, 0, sizeof(table.data));
	assert_int_equal(check(512, &err), -1);
	assert_non_null(strstr(err.text, "PARTLABEL=x"));

	make(512, ID, FIRST, LAST);
	// The disk was partitioned anew without a GPT; the old one is a leftover.
	gpt_disk_mbr(&table, 0, 0x83);
	assert_int_equal(check(512, &err), -1);
	assert_non_null(strstr(err.text, "the GPT is a leftover"));

	make(512, ID, FIRST, LAST);
	answers = false;
	assert_int_equal(check(512, &err), -1); // no answer, and yet the call returns
	assert_non_null(strstr(err.text, "PARTLABEL=x"));
}

static void assert_not(int result, const struct lb_error *err, const char *says)
{
	assert_int_equal(result, -1);
	assert_string_equal(err->text, says);
}

static void test_disks(void **state)
{
	static const uint32_t sizes[] = {0, 256, 520, 1024, 8192};
	struct lb_target target = {.block_bytes = 512, .last_block = 99};
	struct lb_disk disk = {.block_bytes = 512, .blocks = 100};
	struct lb_error err = {""};

	(void)state;
	assert_int_equal(lb_target_is_disk(&target, "x", &disk, &err), 0);
	disk.blocks = 99;
	assert_not(lb_target_is_disk(&target, "x", &disk, &err), &err,
		   "x: has 99 blocks, the target's last is 99");
	disk.block_bytes = 4096;
	assert_not(lb_target_is_disk(&target, "x", &disk, &err), &err,
		   "x: blocks of 4096 bytes, the target was chosen with 512");
	// Not even if the target has the same size.
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		disk.block_bytes = target.block_bytes = sizes[i];
		assert_int_equal(lb_target_is_disk(&target, "x", &disk, &err), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_it_was), cmocka_unit_test(test_moved),
		cmocka_unit_test(test_gone),         cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
