// SPDX-License-Identifier: BSD-2-Clause
// The reader's side of age: secret keys, and the files that they open. For the host.
#ifndef LIFEBOAT_CRASH_CRYPT_IDENTITY_H
#define LIFEBOAT_CRASH_CRYPT_IDENTITY_H

#include "crash/crypt/age.h"
#include "crash/crypt/primitives.h"

#define LB_MAX_IDENTITIES 16

struct lb_identity {
	uint8_t secret[LB_CRYPT_SECRET], share[LB_CRYPT_SHARE];
};

struct lb_identities {
	uint32_t count;
	struct lb_identity list[LB_MAX_IDENTITIES];
};

// Reads a file as age-keygen writes it: AGE-SECRET-KEY-1..., one a line. Empty lines and lines that begin
// with # are skipped. Messages repeat nothing of the file.
int lb_identities_read(const char *text, size_t bytes, struct lb_identities *ret_identities,
		       struct lb_error *err);

// The result of opening an age file's header.
struct lb_age_opened {
	uint8_t key[LB_CRYPT_KEY]; // of the payload
	uint32_t payload_at; // bytes from the file's beginning
};
// Reads header and nonce at the beginning of an age file of `bytes` bytes, and nothing behind them. Fails
// where no identity opens the file, and where the header was changed.
int lb_age_open(const void *file, size_t bytes, const struct lb_identities *identities,
		struct lb_age_opened *ret_opened, struct lb_error *err);

// Returns the number of X25519 stanzas in the header; 0: it is no age file.
uint32_t lb_age_count_recipients(const void *file, size_t bytes);

#define LB_AGE_HEADER_MAX 8192U // of a file, in which its header must end

#endif
