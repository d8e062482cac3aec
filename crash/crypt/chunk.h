// SPDX-License-Identifier: BSD-2-Clause
// Seals and opens one chunk of an age file's payload. A chunk has 64 KiB. The last chunk has 1 byte to 64
// KiB, or 0 bytes if it is the only one.
// Source: age v1, "Payload": STREAM with ChaCha20-Poly1305. The nonce is the chunk's number, big endian in 11
// bytes, and a byte that is 1 for the last chunk.
#ifndef LIFEBOAT_CRASH_CRYPT_CHUNK_H
#define LIFEBOAT_CRASH_CRYPT_CHUNK_H

#include "crash/crypt/primitives.h"

#define LB_CHUNK_PLAIN 65536U
#define LB_CHUNK_SEALED (LB_CHUNK_PLAIN + LB_CRYPT_TAG)

struct lb_chunk_place {
	uint64_t number; // from 0
	bool last;
};

// Seals `bytes` (up to LB_CHUNK_PLAIN) into `to`, which gets LB_CRYPT_TAG bytes more. The two must not
// overlap.
void lb_chunk_seal(const uint8_t key[LB_CRYPT_KEY], struct lb_chunk_place place, const void *plain,
		   uint32_t bytes, uint8_t *to);
// Opens `bytes` (LB_CRYPT_TAG to LB_CHUNK_SEALED) in place; the tag stays at the end. False: this is not the
// chunk that was sealed for this place.
bool lb_chunk_open(const uint8_t key[LB_CRYPT_KEY], struct lb_chunk_place place, uint8_t *sealed,
		   uint32_t bytes);

#endif
