// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "crash/dead/frame_set.h"
#include "unit.h"

#define FRAMES 4096U

static uint64_t memory[FRAMES];

static void check(struct lb_frame_set *set, const uint8_t *wanted)
{
	for (int again = 0; again < 2; again++) {
		lb_frame_set_rewind(set);
		for (uint64_t frame = 0; frame < FRAMES; frame++)
			assert_int_equal(lb_frame_set_has(set, frame), wanted[frame]);
	}
}

// Ranges of any length, in any order, with overlaps, are compared with a plain array.
static void test_any_ranges(void **state)
{
	(void)state;
	srand(1);
	for (int run = 0; run < 300; run++) {
		uint8_t wanted[FRAMES] = {0};
		struct lb_frame_set set;

		lb_frame_set_open(&set, memory, sizeof(memory));
		for (int i = rand() % 400; i > 0; i--) {
			uint64_t first = (uint64_t)rand() % FRAMES, frames = (uint64_t)rand() % 20;

			if (frames > FRAMES - first)
				frames = FRAMES - first;
			memset(wanted + first, 1, frames);
			lb_frame_set_add(&set, first, frames);
		}
		lb_frame_set_close(&set);
		assert_false(set.full);
		check(&set, wanted);
	}
}

static void test_empty(void **state)
{
	const uint8_t none[FRAMES] = {0};
	struct lb_frame_set set;

	(void)state;
	lb_frame_set_open(&set, memory, sizeof(memory));
	lb_frame_set_add(&set, 7, 0);
	lb_frame_set_close(&set);
	check(&set, none);
	lb_frame_set_open(&set, memory, 0);
	lb_frame_set_add(&set, 7, 1);
	lb_frame_set_close(&set);
	assert_true(set.full);
	check(&set, none);
}

// Frames that join to one range take one place, whatever their order.
static void test_merged(void **state)
{
	uint8_t all[FRAMES];
	struct lb_frame_set set;

	(void)state;
	memset(all, 1, sizeof(all));
	lb_frame_set_open(&set, memory, sizeof(memory));
	for (uint64_t i = 0; i < FRAMES; i++)
		lb_frame_set_add(&set, i * 1021 % FRAMES, 1);
	lb_frame_set_close(&set);
	assert_false(set.full);
	assert_int_equal(set.count, 1);
	check(&set, all);
}

// When the set is full, further frames are left out. No other frame gets in.
static void test_full(void **state)
{
	struct lb_frame_set set;
	uint64_t found = 0;

	(void)state;
	lb_frame_set_open(&set, memory, 64 * sizeof(uint64_t));
	for (uint64_t i = 0; i < FRAMES; i += 2)
		lb_frame_set_add(&set, i, 1);
	lb_frame_set_close(&set);
	assert_true(set.full);
	for (uint64_t frame = 0; frame < FRAMES; frame++) {
		bool has = lb_frame_set_has(&set, frame);

		assert_false(has && frame % 2);
		found += has;
	}
	assert_int_equal(found, 64);
}

// The longest range that a word holds, a longer one, and frame numbers that are no address.
static void test_large(void **state)
{
	const uint64_t last = (1ULL << 40) - 1;
	struct lb_frame_set set;

	(void)state;
	lb_frame_set_open(&set, memory, sizeof(memory));
	lb_frame_set_add(&set, 10, 1ULL << 30);
	lb_frame_set_add(&set, last, 1);
	lb_frame_set_add(&set, last, 2);
	lb_frame_set_add(&set, last + 1, 1);
	lb_frame_set_add(&set, UINT64_MAX, UINT64_MAX);
	lb_frame_set_close(&set);
	assert_false(lb_frame_set_has(&set, 9));
	assert_true(lb_frame_set_has(&set, 10));
	assert_true(lb_frame_set_has(&set, (1ULL << 24) + 10));
	assert_true(lb_frame_set_has(&set, (1ULL << 30) + 9));
	assert_false(lb_frame_set_has(&set, (1ULL << 30) + 10));
	assert_false(lb_frame_set_has(&set, last - 1));
	assert_true(lb_frame_set_has(&set, last));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_ranges), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_merged),     cmocka_unit_test(test_full),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
