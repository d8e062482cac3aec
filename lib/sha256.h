// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 (FIPS 180-4), freestanding. Uses the CPU's SHA extensions ("SHA-NI") where they exist and SSE is
// switched on (lib/sha_ni.h), else plain C. The extensions change XMM registers; nothing else of ours uses
// them.
#ifndef LIFEBOAT_LIB_SHA256_H
#define LIFEBOAT_LIB_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "lifeboat/handoff.h"

enum lb_sha256_method {
	LB_SHA256_PLAIN = 0,
	LB_SHA256_NI = 1,
};

struct lb_sha256 {
	uint32_t state[8];
	uint64_t bytes;
	uint8_t block[64];
	enum lb_sha256_method method;
};

// The fastest method that runs here and now. A dozen instructions, but CPUID among them, which takes
// microseconds in a virtual machine.
enum lb_sha256_method lb_sha256_best(void);

// Begins with the best method, or with one that the caller knows will run.
void lb_sha256_begin_with(struct lb_sha256 *sha, enum lb_sha256_method method);
void lb_sha256_begin(struct lb_sha256 *sha);
void lb_sha256_add(struct lb_sha256 *sha, const void *data, size_t bytes);
void lb_sha256_end(struct lb_sha256 *sha, uint8_t ret_digest[LB_SHA256_BYTES]);

// Begins, adds and ends in one call.
void lb_sha256(const void *data, size_t bytes, uint8_t ret_digest[LB_SHA256_BYTES]);

#endif
