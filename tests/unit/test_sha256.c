// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 against the vectors of FIPS 180-4 and against sha256sum's results.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crash/sha256.h"

#define PATTERN_BYTES 1000003 // a prime: no block, no page ends there

// Of the pattern's first 0 to 300 bytes, in hexadecimal.
static const char *const lengths[] = {
#include "data/sha256-lengths.inc"
};

static uint8_t *pattern;

static int make_pattern(void **state)
{
	(void)state;
	pattern = malloc(PATTERN_BYTES);
	if (!pattern)
		return -1;
	for (uint64_t i = 0; i < PATTERN_BYTES; i++)
		pattern[i] = (uint8_t)((i * i * 31 + i * 7 + 3) >> 3);
	return 0;
}

static int drop_pattern(void **state)
{
	(void)state;
	free(pattern);
	return 0;
}

static void assert_digest(const uint8_t digest[LB_SHA256_BYTES], const char *wanted)
{
	char text[2 * LB_SHA256_BYTES + 1];

	for (size_t i = 0; i < LB_SHA256_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, wanted);
}

static void assert_sha256(const void *data, size_t bytes, const char *wanted)
{
	uint8_t digest[LB_SHA256_BYTES];

	lb_sha256(data, bytes, digest);
	assert_digest(digest, wanted);
}

static void test_fips_vectors(void **state)
{
	const char *one_block = "abc";
	const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	const char *long_block = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
				 "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

	(void)state;
	assert_sha256("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_sha256(one_block, strlen(one_block),
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_sha256(two_blocks, strlen(two_blocks),
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	assert_sha256(long_block, strlen(long_block),
		      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
}

static void test_a_million_times_a(void **state)
{
	struct lb_sha256 sha;
	uint8_t digest[LB_SHA256_BYTES];
	char thousand[1000];

	(void)state;
	memset(thousand, 'a', sizeof(thousand));
	lb_sha256_begin(&sha);
	for (unsigned int i = 0; i < 1000; i++)
		lb_sha256_add(&sha, thousand, sizeof(thousand));
	lb_sha256_end(&sha, digest);
	assert_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_every_length(void **state)
{
	(void)state;
	assert_int_equal(sizeof(lengths) / sizeof(lengths[0]), 301);
	for (size_t bytes = 0; bytes <= 300; bytes++)
		assert_sha256(pattern, bytes, lengths[bytes]);
}

static void test_unaligned(void **state)
{
	uint8_t copy[300 + 16];

	(void)state;
	for (size_t offset = 0; offset < 16; offset++) {
		memcpy(copy + offset, pattern, 300);
		assert_sha256(copy + offset, 300, lengths[300]);
	}
}

// In two at every place, with an add of nothing between.
static void test_split_in_two(void **state)
{
	struct lb_sha256 sha;
	uint8_t digest[LB_SHA256_BYTES];

	(void)state;
	for (size_t bytes = 0; bytes <= 300; bytes += 5) {
		for (size_t first = 0; first <= bytes; first++) {
			lb_sha256_begin(&sha);
			lb_sha256_add(&sha, pattern, first);
			lb_sha256_add(&sha, NULL, 0);
			lb_sha256_add(&sha, pattern + first, bytes - first);
			lb_sha256_end(&sha, digest);
			assert_digest(digest, lengths[bytes]);
		}
	}
}

static void test_split_in_pieces(void **state)
{
	const char *wanted = "c4ad8b02eace1332d28cc8934c1591b338b147698bc76bc292a5ea8c84098890";
	const size_t pieces[] = {1, 3, 63, 64, 65, 127, 128, 4095, 4096, PATTERN_BYTES};
	struct lb_sha256 sha;
	uint8_t digest[LB_SHA256_BYTES];

	(void)state;
	for (size_t n = 0; n < sizeof(pieces) / sizeof(pieces[0]); n++) {
		lb_sha256_begin(&sha);
		for (size_t at = 0; at < PATTERN_BYTES; at += pieces[n]) {
			const size_t rest = PATTERN_BYTES - at;

			lb_sha256_add(&sha, pattern + at, rest < pieces[n] ? rest : pieces[n]);
		}
		lb_sha256_end(&sha, digest);
		assert_digest(digest, wanted);
	}
}

static void test_one_bit_changes_it(void **state)
{
	uint8_t copy[300], digest[LB_SHA256_BYTES], other[LB_SHA256_BYTES];

	(void)state;
	memcpy(copy, pattern, sizeof(copy));
	lb_sha256(copy, sizeof(copy), digest);
	for (unsigned int bit = 0; bit < 8 * sizeof(copy); bit++) {
		copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
		lb_sha256(copy, sizeof(copy), other);
		assert_memory_not_equal(digest, other, sizeof(digest));
		copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fips_vectors),       cmocka_unit_test(test_a_million_times_a),
		cmocka_unit_test(test_every_length),       cmocka_unit_test(test_unaligned),
		cmocka_unit_test(test_split_in_two),       cmocka_unit_test(test_split_in_pieces),
		cmocka_unit_test(test_one_bit_changes_it),
	};

	return cmocka_run_group_tests_name("sha256", tests, make_pattern, drop_pattern);
}
