// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 against the vectors of FIPS 180-4 and against sha256sum. Every test runs in plain C and with the
// SHA extensions.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sha256.h"
#include "lib/sha_ni.h"
#include "lifeboat/x86.h"
#include "unit.h"

#define PATTERN_BYTES 1000003 // a prime, so that it is no multiple of a block or a page

// Digests of the pattern's first 0 to 300 bytes, in hexadecimal.
static const char *const lengths[] = {
#include "data/sha256-lengths.inc"
};

static uint8_t *pattern;
static enum lb_sha256_method method;

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

static int make_pattern_for_ni(void **state)
{
	method = LB_SHA256_NI;
	return make_pattern(state);
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

static void digest_of(const void *data, size_t bytes, uint8_t ret_digest[LB_SHA256_BYTES])
{
	struct lb_sha256 sha;

	lb_sha256_begin_with(&sha, method);
	lb_sha256_add(&sha, data, bytes);
	lb_sha256_end(&sha, ret_digest);
}

static void assert_sha256(const void *data, size_t bytes, const char *wanted)
{
	uint8_t digest[LB_SHA256_BYTES];

	digest_of(data, bytes, digest);
	assert_digest(digest, wanted);
}

// Skips a test of the SHA extensions on a CPU without them. Called first in each test.
static void skip_without_method(void)
{
	if (method == LB_SHA256_NI && lb_sha256_best() != LB_SHA256_NI)
		skip();
}

static void test_fips_vectors(void **state)
{
	const char *one_block = "abc";
	const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	const char *long_block = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
				 "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";

	(void)state;
	skip_without_method();
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
	skip_without_method();
	memset(thousand, 'a', sizeof(thousand));
	lb_sha256_begin_with(&sha, method);
	for (unsigned int i = 0; i < 1000; i++)
		lb_sha256_add(&sha, thousand, sizeof(thousand));
	lb_sha256_end(&sha, digest);
	assert_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_every_length(void **state)
{
	(void)state;
	skip_without_method();
	assert_int_equal(sizeof(lengths) / sizeof(lengths[0]), 301);
	for (size_t bytes = 0; bytes <= 300; bytes++)
		assert_sha256(pattern, bytes, lengths[bytes]);
}

static void test_unaligned(void **state)
{
	uint8_t copy[300 + 16];

	(void)state;
	skip_without_method();
	for (size_t offset = 0; offset < 16; offset++) {
		memcpy(copy + offset, pattern, 300);
		assert_sha256(copy + offset, 300, lengths[300]);
	}
}

// Adds the data in two parts, cut at every place, with an empty part between them.
static void test_split_in_two(void **state)
{
	struct lb_sha256 sha;
	uint8_t digest[LB_SHA256_BYTES];

	(void)state;
	skip_without_method();
	for (size_t bytes = 0; bytes <= 300; bytes += 5) {
		for (size_t first = 0; first <= bytes; first++) {
			lb_sha256_begin_with(&sha, method);
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
	skip_without_method();
	for (size_t n = 0; n < sizeof(pieces) / sizeof(pieces[0]); n++) {
		lb_sha256_begin_with(&sha, method);
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
	skip_without_method();
	memcpy(copy, pattern, sizeof(copy));
	digest_of(copy, sizeof(copy), digest);
	for (unsigned int bit = 0; bit < 8 * sizeof(copy); bit++) {
		copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
		digest_of(copy, sizeof(copy), other);
		assert_memory_not_equal(digest, other, sizeof(digest));
		copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

static void test_in_one_call(void **state)
{
	uint8_t digest[LB_SHA256_BYTES];

	(void)state;
	lb_sha256(pattern, 300, digest);
	assert_digest(digest, lengths[300]);
}

// The SHA extensions are usable with all bits set, and not with any one of them missing.
static void test_when_sha_ni_is_usable(void **state)
{
	const struct lb_sha_ni_state whole = {
		.max_leaf = 7,
		.leaf1_ecx = 1U << 9 | 1U << 19,
		.leaf1_edx = 1U << 26,
		.leaf7_ebx = 1U << 29,
		.privileged = true,
		.cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG,
		.cr4 = X86_CR4_PAE | X86_CR4_OSFXSR,
	};
	struct lb_sha_ni_state less;

	(void)state;
	assert_true(lb_sha_ni_usable(&whole));
#define ASSERT_UNUSABLE_WITH(change)                                                                         \
	do {                                                                                                 \
		less = whole;                                                                                \
		less.change;                                                                                 \
		assert_false(lb_sha_ni_usable(&less));                                                       \
	} while (0)
	ASSERT_UNUSABLE_WITH(leaf1_ecx &= ~(1U << 9));
	ASSERT_UNUSABLE_WITH(leaf1_ecx &= ~(1U << 19));
	ASSERT_UNUSABLE_WITH(leaf1_edx = 0);
	ASSERT_UNUSABLE_WITH(leaf7_ebx = 0);
	ASSERT_UNUSABLE_WITH(cr0 |= X86_CR0_EM);
	ASSERT_UNUSABLE_WITH(cr0 |= X86_CR0_TS);
	ASSERT_UNUSABLE_WITH(cr4 &= ~X86_CR4_OSFXSR);

	less = whole;
	less.privileged = false;
	less.cr0 = less.cr4 = 0;
	assert_true(lb_sha_ni_usable(&less));
}

static void test_what_is_read_of_this_cpu(void **state)
{
	const struct lb_sha_ni_state here = lb_sha_ni_state();

	(void)state;
	assert_false(here.privileged);
	assert_true(here.max_leaf >= 1 && here.cr0 == 0 && here.cr4 == 0);
	assert_int_equal(!!(here.leaf1_edx >> 26 & 1), !!__builtin_cpu_supports("sse2"));
	assert_int_equal(!!(here.leaf1_ecx >> 9 & 1), !!__builtin_cpu_supports("ssse3"));
	assert_int_equal(!!(here.leaf1_ecx >> 19 & 1), !!__builtin_cpu_supports("sse4.1"));
	assert_int_equal(!!(here.leaf7_ebx >> 5 & 1), !!__builtin_cpu_supports("avx2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fips_vectors),       cmocka_unit_test(test_a_million_times_a),
		cmocka_unit_test(test_every_length),       cmocka_unit_test(test_unaligned),
		cmocka_unit_test(test_split_in_two),       cmocka_unit_test(test_split_in_pieces),
		cmocka_unit_test(test_one_bit_changes_it), cmocka_unit_test(test_in_one_call),
	};
	const struct CMUnitTest choice[] = {
		cmocka_unit_test(test_when_sha_ni_is_usable),
		cmocka_unit_test(test_what_is_read_of_this_cpu),
	};
	int failed = cmocka_run_group_tests_name("sha256, plain C", tests, make_pattern, drop_pattern);

	failed += cmocka_run_group_tests_name("sha256, SHA extensions", tests, make_pattern_for_ni,
					      drop_pattern);
	return failed + cmocka_run_group_tests_name("sha256, the choice", choice, NULL, NULL);
}
