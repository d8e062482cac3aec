// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crypt/left_keys.h"

#include <stdlib.h>
#include <string.h>

#include "lifeboat/crypt.h"
#include "unit.h"

#define BYTES (64 * 1024ULL)

static uint64_t *memory;

static void put(uint64_t at)
{
	memory[at / 8] = LB_CRYPT_MAGIC;
}

static void test_found_anywhere(void **state)
{
	const uint64_t places[] = {0, 8, 4096, 12344, BYTES - 8};

	(void)state;
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memset(memory, 0x5a, BYTES);
		assert_int_equal(lb_left_keys_find(memory, BYTES, 0), BYTES);
		put(places[i]);
		assert_int_equal(lb_left_keys_find(memory, BYTES, 0), places[i]);
		assert_int_equal(lb_left_keys_find(memory, BYTES, places[i]), places[i]);
		assert_int_equal(lb_left_keys_find(memory, BYTES, places[i] + 8), BYTES);
		// The memory ends where the key begins, so the key must not be found, or read: ASan guards the end.
		assert_int_equal(lb_left_keys_find(memory, places[i], 0), places[i]);
	}
}

static void test_one_after_the_other(void **state)
{
	(void)state;
	memset(memory, 0, BYTES);
	put(64);
	put(64 + sizeof(struct lb_crypt));
	assert_int_equal(lb_left_keys_find(memory, BYTES, 0), 64);
	assert_int_equal(lb_left_keys_find(memory, BYTES, 72), 64 + sizeof(struct lb_crypt));
	assert_int_equal(lb_left_keys_find(memory, 0, 0), 0);
}

// Words that differ from the magic in one byte, and the magic where no word begins.
static void test_not_taken_for_keys(void **state)
{
	(void)state;
	memset(memory, 0, BYTES);
	for (unsigned int i = 0; i < 8; i++)
		memory[i] = LB_CRYPT_MAGIC ^ 1ULL << (8 * i);
	memory[16] = LB_CRYPT_MAGIC << 8;
	memory[17] = LB_CRYPT_MAGIC >> 56;
	assert_int_equal(lb_left_keys_find(memory, BYTES, 0), BYTES);
}

static int make_memory(void **state)
{
	(void)state;
	memory = malloc(BYTES);
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
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_not_taken_for_keys),
	};

	return cmocka_run_group_tests(tests, make_memory, free_memory);
}
