// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 (FIPS 180-4), freestanding.
#ifndef LIFEBOAT_CRASH_SHA256_H
#define LIFEBOAT_CRASH_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "lifeboat/handoff.h"

struct lb_sha256 {
	uint32_t state[8];
	uint64_t bytes;
	uint8_t block[64];
};

void lb_sha256_begin(struct lb_sha256 *sha);
void lb_sha256_add(struct lb_sha256 *sha, const void *data, size_t bytes);
void lb_sha256_end(struct lb_sha256 *sha, uint8_t ret_digest[LB_SHA256_BYTES]);

// All three at once.
void lb_sha256(const void *data, size_t bytes, uint8_t ret_digest[LB_SHA256_BYTES]);

#endif
