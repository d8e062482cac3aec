// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crypt/left_keys.h"

#include <stdlib.h>
#include <string.h>

#include "lifeboat/crypt.h"
#include "unit.h"

#define BYTES (64 * 1024ULL)
#define OTHER 0x5a

static uint8_t *memory;

// Keys at `at`, all of them that there is room for.
static void put(uint64_t at)
{
	struct lb_crypt keys;
	const uint64_t left = BYTES - at;

	memset(&keys, 0xc7, sizeof(keys));
	keys.magic = LB_CRYPT_MAGIC;
	memcpy(memory + at, &keys, left < sizeof(keys) ? left : sizeof(keys));
}

// Nothing but what was there before, and zeroes in the keys' place.
static void check(uint64_t at)
{
	for (uint64_t i = 0; i < BYTES; i++)
		assert_int_equal(memory[i], i >= at && i < at + sizeof(struct lb_crypt) ? 0 : OTHER);
}

static void test_found_anywhere(void **state)
{
	const uint64_t places[] = {0, 8, 4096, 12344, BYTES - sizeof(struct lb_crypt)};

	(void)state;
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memset(memory, OTHER, BYTES);
		put(places[i]);
		assert_int_equal(lb_left_keys_wipe(memory, BYTES), 1);
		check(places[i]);
		assert_int_equal(lb_left_keys_wipe(memory, BYTES), 0);
	}
}

// ASan sees whoever writes beyond the memory.
static void test_cut_off(void **state)
{
	(void)state;
	for (uint64_t there = 8; there < sizeof(struct lb_crypt); there += 1000) {
		memset(memory, OTHER, BYTES);
		put(BYTES - there);
		assert_int_equal(lb_left_keys_wipe(memory, BYTES), 1);
		check(BYTES - there);
	}
}

static void test_two(void **state)
{
	(void)state;
	memset(memory, OTHER, BYTES);
	put(64);
	put(64 + sizeof(struct lb_crypt) + 8);
	assert_int_equal(lb_left_keys_wipe(memory, BYTES), 2);
	for (uint64_t i = 0; i < BYTES; i++)
		assert_int_not_equal(memory[i], 0xc7);
	assert_int_equal(lb_left_keys_wipe(memory, 0), 0);
}

static int make_memory(void **state)
{
	(void)state;
	memory = aligned_alloc(8, BYTES);
	return memory ? 0 : -1;
}

static int free_memory(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_anywhere),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_two),
	};

	return cmocka_run_group_tests(tests, make_memory, free_memory);
}
