// SPDX-License-Identifier: BSD-2-Clause
// Makes the beginning of an age file: its header, for X25519 recipients, and the nonce behind it.
// Source: age v1, c2sp.org/age.
#ifndef LIFEBOAT_CRASH_CRYPT_AGE_H
#define LIFEBOAT_CRASH_CRYPT_AGE_H

#include "crash/crypt/recipient.h"

// A source of random numbers that nobody can predict. Each call gives new ones.
struct lb_random {
	void (*bytes)(void *ctx, void *to, size_t bytes);
	void *ctx;
};

// Makes a file key, wraps it for every recipient, and gives what a writer of the file needs. Fails where a
// recipient is a point that no secret key belongs to.
int lb_age_make(const struct lb_recipients *recipients, const struct lb_random *random,
		struct lb_crypt_file *ret_file, struct lb_error *err);

#define LB_AGE_VERSION_LINE "age-encryption.org/v1\n"
#define LB_AGE_STANZA "-> X25519 "
#define LB_AGE_MAC_LINE "---"
#define LB_AGE_FILE_KEY 16 // bytes
#define LB_AGE_WRAPPED (LB_AGE_FILE_KEY + 16)

// Writer and reader derive these keys and the MAC from other keys.
void lb_age_wrap_key(const uint8_t shared[LB_CRYPT_SHARE], const uint8_t ephemeral[LB_CRYPT_SHARE],
		     const uint8_t recipient[LB_CRYPT_SHARE], uint8_t ret_key[LB_CRYPT_KEY]);
void lb_age_mac(const uint8_t file_key[LB_AGE_FILE_KEY], const void *header, size_t bytes,
		uint8_t ret_mac[LB_CRYPT_KEY]);
void lb_age_payload_key(const uint8_t file_key[LB_AGE_FILE_KEY], const uint8_t nonce[LB_CRYPT_NONCE],
			uint8_t ret_key[LB_CRYPT_KEY]);

#endif
