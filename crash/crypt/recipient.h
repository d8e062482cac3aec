// SPDX-License-Identifier: BSD-2-Clause
// Who may read what is encrypted: the public keys that age-keygen prints, age1... .
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

// Characters of one as text.
#define LB_RECIPIENT_TEXT 62

// Reads the `bytes` characters of `text`. Fails, naming what was given, for anything else than an X25519
// recipient: a key of SSH, of a plugin, of the post-quantum kind, a secret key (which no message repeats), a
// wrong checksum.
int lb_recipient_parse(const char *text, size_t bytes, struct lb_recipient *ret_recipient,
		       struct lb_error *err);

#endif
