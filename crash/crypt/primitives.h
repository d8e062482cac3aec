// SPDX-License-Identifier: BSD-2-Clause
// The four primitives of age, from BearSSL: X25519, HKDF and HMAC with SHA-256, ChaCha20-Poly1305. None of
// them leaves a secret on the stack.
//
// Debian's library is built with a stack protector, whose canary is at FS:0x28. The caller's FS must point to
// readable memory (crash/capture/entry.asm).
#ifndef LIFEBOAT_CRASH_CRYPT_PRIMITIVES_H
#define LIFEBOAT_CRASH_CRYPT_PRIMITIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lifeboat/crypt.h"

#define LB_CRYPT_TAG 16 // bytes of Poly1305
#define LB_CRYPT_MAC 32 // of HMAC-SHA-256
#define LB_CRYPT_SECRET 32 // of X25519

struct lb_crypt_bytes {
	const void *data;
	size_t bytes;
};

// Writes `bytes` bytes (up to 8160) of HKDF-SHA-256 to `to`.
void lb_crypt_hkdf(struct lb_crypt_bytes secret, struct lb_crypt_bytes salt, const char *info, void *to,
		   size_t bytes);
void lb_crypt_hmac(const uint8_t key[LB_CRYPT_KEY], struct lb_crypt_bytes text,
		   uint8_t ret_mac[LB_CRYPT_MAC]);

// Makes the public key that belongs to a secret key.
void lb_crypt_x25519_public(const uint8_t secret[LB_CRYPT_SECRET], uint8_t ret_share[LB_CRYPT_SHARE]);
// Makes the secret that both sides share. False: it is zero, which a few bad public keys make of any secret
// key.
bool lb_crypt_x25519(const uint8_t secret[LB_CRYPT_SECRET], const uint8_t share[LB_CRYPT_SHARE],
		     uint8_t ret_shared[LB_CRYPT_SHARE]);

// Encrypts in place, without additional data.
void lb_crypt_seal(const uint8_t key[LB_CRYPT_KEY], const uint8_t nonce[12], void *data, size_t bytes,
		   uint8_t ret_tag[LB_CRYPT_TAG]);
// Decrypts in place. False: the data is not what was sealed, and the result is of no use.
bool lb_crypt_open(const uint8_t key[LB_CRYPT_KEY], const uint8_t nonce[12], void *data, size_t bytes,
		   const uint8_t tag[LB_CRYPT_TAG]);

// Writes zeroes. No compiler leaves them out.
void lb_crypt_wipe(void *data, size_t bytes);
bool lb_crypt_same(const void *left, const void *right, size_t bytes); // always takes the same time

#endif
