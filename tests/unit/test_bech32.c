// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/crypt/bech32.h"
#include "unit.h"

static uint8_t data[64];
static size_t count;

static enum lb_bech32 read_text(const char *text)
{
	count = 99;
	return lb_bech32_read(text, strlen(text), data, sizeof(data), &count);
}

// Strings of BIP 173 whose data is whole bytes or empty. The strings under CHARACTER have a right checksum.
static void test_valid(void **state)
{
	(void)state;
	assert_int_equal(read_text("A12UEL5L"), LB_BECH32_OK);
	assert_int_equal(count, 0);
	assert_int_equal(read_text("a12uel5l"), LB_BECH32_OK);
	assert_int_equal(read_text("?1ezyfcl"), LB_BECH32_OK);
	assert_int_equal(read_text("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"), LB_BECH32_OK);
	assert_int_equal(count, 20);
	assert_memory_equal(
		data, "\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf\x84\x65\x3a\x56\xd7\xc6\x75\xbe\x77\xdf", 20);
}

static void test_mistakes(void **state)
{
	(void)state;
	assert_int_equal(read_text("pzry9x0s0muk"), LB_BECH32_CHARACTER); // no separator "1"
	assert_int_equal(read_text("1pzry9x0s0muk"), LB_BECH32_CHARACTER); // nothing before the separator
	assert_int_equal(read_text("x1b4n0q5v"), LB_BECH32_CHARACTER); // "b" is not in the alphabet
	assert_int_equal(read_text("li1dgmt3"), LB_BECH32_CHARACTER); // shorter than a checksum
	assert_int_equal(read_text("A1G7SGD8"), LB_BECH32_CHECKSUM);
	assert_int_equal(read_text("a12uel5m"), LB_BECH32_CHECKSUM);
	assert_int_equal(read_text("A12UEL5l"), LB_BECH32_CASE);
	assert_int_equal(read_text(""), LB_BECH32_CHARACTER);
	assert_int_equal(read_text("1"), LB_BECH32_CHARACTER);
	assert_int_equal(lb_bech32_read("\x7f"
					"1axkwrx",
					8, data, sizeof(data), &count),
			 LB_BECH32_CHARACTER);
	assert_int_equal(count, 99);
}

static void test_length(void **state)
{
	const char *text = "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw";

	(void)state;
	assert_int_equal(lb_bech32_read(text, strlen(text), data, 19, &count), LB_BECH32_LENGTH);
	// From BIP 173: 82 characters of data, which are 51 bytes and 2 zero bits.
	assert_int_equal(read_text("11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"
				   "qqqqqqqqqqqc8247j"),
			 LB_BECH32_OK);
	assert_int_equal(count, 51);
	// One byte, and two bits of padding, which must be zero.
	assert_int_equal(read_text("x1pympyc4v"), LB_BECH32_OK);
	assert_int_equal(count, 1);
	assert_int_equal(data[0], 9);
	assert_int_equal(read_text("x1ppfajt8y"), LB_BECH32_LENGTH);
	assert_int_equal(read_text("x1pxgy9m8"), LB_BECH32_LENGTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
