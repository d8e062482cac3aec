// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/crypt/chunk.h"
#include "unit.h"

static const uint8_t key[LB_CRYPT_KEY] = {1, 2, 3};
static uint8_t plain[LB_CHUNK_PLAIN], sealed[LB_CHUNK_SEALED];

static bool opens(uint64_t number, bool last, const uint8_t *chunk, uint32_t bytes)
{
	uint8_t copy[LB_CHUNK_SEALED];

	memcpy(copy, chunk, bytes);
	return lb_chunk_open(key, (struct lb_chunk_place){number, last}, copy, bytes);
}

static void test_place(void **state)
{
	const struct lb_chunk_place place = {0x0102030405060708, false};

	(void)state;
	memset(plain, 0x5c, sizeof(plain));
	lb_chunk_seal(key, place, plain, sizeof(plain), sealed);
	assert_true(opens(place.number, false, sealed, sizeof(sealed)));
	assert_false(opens(place.number, true, sealed, sizeof(sealed)));
	for (unsigned int bit = 0; bit < 64; bit++)
		assert_false(opens(place.number ^ 1ULL << bit, false, sealed, sizeof(sealed)));
	assert_false(opens(place.number, false, sealed, sizeof(sealed) - 1));
	assert_true(lb_chunk_open(key, place, sealed, sizeof(sealed)));
	assert_memory_equal(sealed, plain, sizeof(plain));
}

static void test_empty(void **state)
{
	(void)state;
	lb_chunk_seal(key, (struct lb_chunk_place){0, true}, plain, 0, sealed);
	assert_true(opens(0, true, sealed, LB_CRYPT_TAG));
	assert_false(opens(1, true, sealed, LB_CRYPT_TAG));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
