// SPDX-License-Identifier: BSD-2-Clause
// Source: the headers of BearSSL 0.6 for elliptic curves, HKDF, HMAC and block ciphers.
#include "crash/crypt/primitives.h"

#include <bearssl.h>

#include "lib/mem.h"

// BearSSL's stack frames take less: 4 KiB in X25519, 2 KiB in all others together.
#define STACK_LARGE 12288
#define STACK_SMALL 4096

void lb_crypt_wipe(void *data, size_t bytes)
{
	memset(data, 0, bytes);
	__asm__ volatile("" : : "r"(data) : "memory");
}

bool lb_crypt_same(const void *left, const void *right, size_t bytes)
{
	const uint8_t *a = left, *b = right;
	uint32_t differs = 0;

	for (size_t i = 0; i < bytes; i++)
		differs |= (uint32_t)(a[i] ^ b[i]);
	return !differs;
}

// Overwrites what the functions called before left on the stack, with a frame in their place.
static __attribute__((noinline)) void wipe_stack(void)
{
	uint8_t frame[STACK_SMALL];

	lb_crypt_wipe(frame, sizeof(frame));
}

static __attribute__((noinline)) void wipe_large_stack(void)
{
	uint8_t frame[STACK_LARGE];

	lb_crypt_wipe(frame, sizeof(frame));
}

void lb_crypt_hkdf(struct lb_crypt_bytes secret, struct lb_crypt_bytes salt, const char *info, void *to,
		   size_t bytes)
{
	br_hkdf_context hkdf;
	size_t info_bytes = 0;

	while (info[info_bytes])
		info_bytes++;
	br_hkdf_init(&hkdf, &br_sha256_vtable, salt.data, salt.bytes);
	br_hkdf_inject(&hkdf, secret.data, secret.bytes);
	br_hkdf_flip(&hkdf);
	br_hkdf_produce(&hkdf, info, info_bytes, to, bytes);
	lb_crypt_wipe(&hkdf, sizeof(hkdf));
	wipe_stack();
}

void lb_crypt_hmac(const uint8_t key[LB_CRYPT_KEY], struct lb_crypt_bytes text, uint8_t ret_mac[LB_CRYPT_MAC])
{
	br_hmac_key_context key_context;
	br_hmac_context context;

	br_hmac_key_init(&key_context, &br_sha256_vtable, key, LB_CRYPT_KEY);
	br_hmac_init(&context, &key_context, 0);
	br_hmac_update(&context, text.data, text.bytes);
	br_hmac_out(&context, ret_mac);
	lb_crypt_wipe(&key_context, sizeof(key_context));
	lb_crypt_wipe(&context, sizeof(context));
	wipe_stack();
}

// BearSSL takes numbers of this curve lowest byte first, as RFC 7748 writes them, whatever its header says.
void lb_crypt_x25519_public(const uint8_t secret[LB_CRYPT_SECRET], uint8_t ret_share[LB_CRYPT_SHARE])
{
	br_ec_c25519_m31.mulgen(ret_share, secret, LB_CRYPT_SECRET, BR_EC_curve25519);
	wipe_large_stack();
}

bool lb_crypt_x25519(const uint8_t secret[LB_CRYPT_SECRET], const uint8_t share[LB_CRYPT_SHARE],
		     uint8_t ret_shared[LB_CRYPT_SHARE])
{
	static const uint8_t zeroes[LB_CRYPT_SHARE];

	memcpy(ret_shared, share, LB_CRYPT_SHARE);
	br_ec_c25519_m31.mul(ret_shared, LB_CRYPT_SHARE, secret, LB_CRYPT_SECRET, BR_EC_curve25519);
	wipe_large_stack();
	return !lb_crypt_same(ret_shared, zeroes, sizeof(zeroes));
}

static void run(const uint8_t key[LB_CRYPT_KEY], const uint8_t nonce[12], void *data, size_t bytes,
		int encrypt, uint8_t tag[LB_CRYPT_TAG])
{
	br_poly1305_ctmulq_run(key, nonce, data, bytes, NULL, 0, tag, br_chacha20_sse2_run, encrypt);
}

void lb_crypt_seal(const uint8_t key[LB_CRYPT_KEY], const uint8_t nonce[12], void *data, size_t bytes,
		   uint8_t ret_tag[LB_CRYPT_TAG])
{
	run(key, nonce, data, bytes, 1, ret_tag);
	wipe_stack();
}

bool lb_crypt_open(const uint8_t key[LB_CRYPT_KEY], const uint8_t nonce[12], void *data, size_t bytes,
		   const uint8_t tag[LB_CRYPT_TAG])
{
	uint8_t found[LB_CRYPT_TAG];

	run(key, nonce, data, bytes, 0, found);
	wipe_stack();
	return lb_crypt_same(found, tag, sizeof(found));
}
