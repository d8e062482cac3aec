// SPDX-License-Identifier: BSD-2-Clause
// The recipients of an encrypted dump: public keys age1... as age-keygen prints them.
#ifndef LIFEBOAT_CRASH_CRYPT_RECIPIENT_H
#define LIFEBOAT_CRASH_CRYPT_RECIPIENT_H

#include <stddef.h>

#include "lib/format.h"
#include "lifeboat/crypt.h"

struct lb_recipient {
	uint8_t share[LB_CRYPT_SHARE]; // a point of Curve25519, as RFC 7748 writes it
};

struct lb_recipients {
	uint32_t count; // 1 to LB_MAX_RECIPIENTS; 0: nothing is encrypted
	struct lb_recipient list[LB_MAX_RECIPIENTS];
};

// Characters of one recipient as text.
#define LB_RECIPIENT_TEXT 62

// Reads the `bytes` characters of `text`. Fails for everything but an X25519 recipient with a right checksum.
// The message says what was given instead: a key of SSH, of a plugin, a post-quantum key, a secret key. A
// secret key itself is never repeated.
int lb_recipient_parse(const char *text, size_t bytes, struct lb_recipient *ret_recipient,
		       struct lb_error *err);

#endif
