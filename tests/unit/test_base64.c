// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/crypt/base64.h"
#include "unit.h"

// Test vectors of RFC 4648, section 10, without padding.
static const char *const pairs[][2] = {{"f", "Zg"},        {"fo", "Zm8"},        {"foo", "Zm9v"},
				       {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};

static void test_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const size_t bytes = strlen(pairs[i][0]), characters = strlen(pairs[i][1]);
		uint8_t data[8];
		char text[16];

		memset(text, '!', sizeof(text));
		assert_int_equal(LB_BASE64_BYTES(bytes), characters);
		lb_base64_write((const uint8_t *)pairs[i][0], bytes, text);
		assert_memory_equal(text, pairs[i][1], characters);
		assert_int_equal(text[characters], '!');
		assert_true(lb_base64_read(text, bytes, data));
		assert_memory_equal(data, pairs[i][0], bytes);
	}
}

static void test_alphabet(void **state)
{
	uint8_t data[48], again[48];
	char text[64];

	(void)state;
	for (unsigned int i = 0; i < 64; i++)
		text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[i];
	assert_true(lb_base64_read(text, sizeof(data), data));
	lb_base64_write(data, sizeof(data), text);
	assert_true(lb_base64_read(text, sizeof(again), again));
	assert_memory_equal(data, again, sizeof(data));
	assert_int_equal(data[0], 0x00);
	assert_int_equal(data[47], 0xbf);
}

static void test_mistakes(void **state)
{
	uint8_t data[4];

	(void)state;
	assert_false(lb_base64_read("Zh", 1, data)); // the last letter has bits beyond the last byte
	assert_false(lb_base64_read("Z=", 1, data));
	assert_false(lb_base64_read("Zm-v", 3, data));
	assert_false(lb_base64_read("Zm 9", 3, data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_alphabet),
		cmocka_unit_test(test_mistakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
