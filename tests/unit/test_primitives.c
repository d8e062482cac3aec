// SPDX-License-Identifier: BSD-2-Clause
// BearSSL's functions, called as Lifeboat calls them, with the RFCs' test vectors.
#include <string.h>

#include "crash/crypt/primitives.h"
#include "unit.h"

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

// Returns the number of bytes.
static size_t unhex(const char *text, uint8_t *data)
{
	size_t count = 0;

	for (; text[0]; text += 2)
		data[count++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
	return count;
}

static void assert_hex(const void *data, const char *text)
{
	uint8_t wanted[128];
	const size_t bytes = unhex(text, wanted);

	assert_memory_equal(data, wanted, bytes);
}

// RFC 7748, section 6.1: Bob's public key. He and somebody with any other key get the same secret.
static void test_x25519(void **state)
{
	uint8_t alice[32], bob[32], alice_public[32], bob_public[32], shared[32];

	(void)state;
	unhex("77076d0a7318a57d3c16c17251b26645df4c2f92ebc099e0a1e2b5ad1a5c8e2a", alice);
	unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", bob);
	lb_crypt_x25519_public(bob, bob_public);
	assert_hex(bob_public, "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	lb_crypt_x25519_public(alice, alice_public);
	assert_true(lb_crypt_x25519(alice, bob_public, shared));
	assert_true(lb_crypt_x25519(bob, alice_public, alice));
	assert_memory_equal(shared, alice, sizeof(shared));
}

// RFC 7748, section 5.2, the first vector.
static void test_x25519_number(void **state)
{
	uint8_t secret[32], share[32], shared[32];

	(void)state;
	unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", secret);
	unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", share);
	assert_true(lb_crypt_x25519(secret, share, shared));
	assert_hex(shared, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

static void test_x25519_bad_share(void **state)
{
	uint8_t secret[32], share[32] = {0}, shared[32];

	(void)state;
	memset(secret, 0x42, sizeof(secret));
	assert_false(lb_crypt_x25519(secret, share, shared));
	share[0] = 1;
	assert_false(lb_crypt_x25519(secret, share, shared));
}

// RFC 5869, test case 1.
static void test_hkdf(void **state)
{
	static const char info[] = "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9";
	uint8_t secret[22], salt[13], out[42];

	(void)state;
	memset(secret, 0x0b, sizeof(secret));
	for (uint8_t i = 0; i < sizeof(salt); i++)
		salt[i] = i;
	lb_crypt_hkdf((struct lb_crypt_bytes){secret, sizeof(secret)},
		      (struct lb_crypt_bytes){salt, sizeof(salt)}, info, out, sizeof(out));
	assert_hex(out,
		   "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

// RFC 4231, test case 1. Its key of 20 bytes is padded with zeroes, as HMAC does.
static void test_hmac(void **state)
{
	uint8_t key[32] = {0}, mac[32];

	(void)state;
	memset(key, 0x0b, 20);
	lb_crypt_hmac(key, (struct lb_crypt_bytes){"Hi There", 8}, mac);
	assert_hex(mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

// RFC 8439, section 2.8.2, without additional data. The ciphertext is that of the RFC. A change of any byte
// must be noticed by the tag.
static void test_seal(void **state)
{
	static const char text[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
		"the future, sunscreen would be it.";
	uint8_t key[32], nonce[12], data[sizeof(text) - 1], tag[16];

	(void)state;
	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0x80 + i);
	unhex("070000004041424344454647", nonce);
	memcpy(data, text, sizeof(data));
	lb_crypt_seal(key, nonce, data, sizeof(data), tag);
	assert_hex(data, "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca96712");
	for (size_t i = 0; i < sizeof(data) + sizeof(tag); i++) {
		uint8_t again[sizeof(data)], other[16];

		memcpy(again, data, sizeof(data));
		memcpy(other, tag, sizeof(tag));
		*(i < sizeof(data) ? &again[i] : &other[i - sizeof(data)]) ^= 0x10;
		assert_false(lb_crypt_open(key, nonce, again, sizeof(again), other));
	}
	assert_true(lb_crypt_open(key, nonce, data, sizeof(data), tag));
	assert_memory_equal(data, text, sizeof(data));
}

static void test_same(void **state)
{
	(void)state;
	assert_true(lb_crypt_same("abc", "abd", 2));
	assert_false(lb_crypt_same("abc", "abd", 3));
	assert_false(lb_crypt_same("\x80", "\0", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_x25519),
		cmocka_unit_test(test_x25519_number),
		cmocka_unit_test(test_x25519_bad_share),
		cmocka_unit_test(test_hkdf),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
