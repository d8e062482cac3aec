// SPDX-License-Identifier: BSD-2-Clause
// One chunk of an age file's payload: 64 KiB, the last one 1 byte and up (0 where it is the only one).
// Source: age v1, "Payload": STREAM with ChaCha20-Poly1305; the nonce is the chunk's number, big endian in 11
// bytes, and a byte that is 1 for the last.
#ifndef LIFEBOAT_CRASH_CRYPT_CHUNK_H
#define LIFEBOAT_CRASH_CRYPT_CHUNK_H

#include "crash/crypt/primitives.h"

#define LB_CHUNK_PLAIN 65536U
#define LB_CHUNK_SEALED (LB_CHUNK_PLAIN + LB_CRYPT_TAG)

struct lb_chunk_place {
	uint64_t number; // from 0
	bool last;
};

// Seals `bytes` (up to LB_CHUNK_PLAIN) into `to`, which gets LB_CRYPT_TAG more and overlaps nothing.
void lb_chunk_seal(const uint8_t key[LB_CRYPT_KEY], struct lb_chunk_place place, const void *plain,
		   uint32_t bytes, uint8_t *to);
// Opens `bytes` (LB_CRYPT_TAG up to LB_CHUNK_SEALED) in place; the tag stays behind. False: it is not the
// chunk that was sealed there.
bool lb_chunk_open(const uint8_t key[LB_CRYPT_KEY], struct lb_chunk_place place, uint8_t *sealed,
		   uint32_t bytes);

#endif
