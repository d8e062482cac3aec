// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crypt/recipient.h"

#include <stdbool.h>

#include "crash/crypt/bech32.h"

#define WANTED "wanted: age1 and 58 characters, as age-keygen -y prints"
#define SHOWN 20 // characters of the given text in a message

static bool begins(const char *text, size_t bytes, const char *with)
{
	const size_t length = lb_strlen(with);

	return bytes >= length && lb_strncmp(text, with, length) == 0;
}

// Names the kind of a recipient that is not X25519. NULL: it may be X25519.
static const char *other_kind(const char *text, size_t bytes)
{
	const size_t word = lb_bech32_word(text, bytes);

	if (begins(text, bytes, "ssh-"))
		return "an SSH key";
	if (begins(text, word, "age1pq"))
		return "a post-quantum recipient";
	if (begins(text, word, "age1") && word < bytes)
		return "a plugin's recipient";
	if (!begins(text, bytes, "age1"))
		return "no recipient";
	return NULL;
}

static int fail_shown(const char *text, size_t bytes, const char *what, struct lb_error *err)
{
	return lb_fail(err, "\"%.*s%s\": %s; " WANTED, (int)(bytes < SHOWN ? bytes : SHOWN), text,
		       bytes < SHOWN ? "" : "...", what);
}

int lb_recipient_parse(const char *text, size_t bytes, struct lb_recipient *ret_recipient,
		       struct lb_error *err)
{
	uint8_t data[LB_CRYPT_SHARE];
	size_t count = 0;
	const char *kind;

	if (begins(text, bytes, "AGE-SECRET-KEY-") || begins(text, bytes, "age-secret-key-"))
		return lb_fail(err,
			       "that is a secret key, which belongs on no machine that may crash; " WANTED);
	kind = other_kind(text, bytes);
	if (kind)
		return fail_shown(text, bytes, kind, err);
	switch (lb_bech32_read(text, bytes, data, sizeof(data), &count)) {
	case LB_BECH32_OK:
		break;
	case LB_BECH32_CHECKSUM:
		return fail_shown(text, bytes, "its checksum is wrong", err);
	case LB_BECH32_CASE:
		return fail_shown(text, bytes, "capital and small letters", err);
	case LB_BECH32_CHARACTER:
		return fail_shown(text, bytes, "a character that no recipient has, or too few", err);
	case LB_BECH32_LENGTH:
		return fail_shown(text, bytes, "its length is wrong", err);
	}
	if (count != sizeof(data))
		return fail_shown(text, bytes, "its length is wrong", err);
	for (size_t i = 0; i < sizeof(data); i++)
		ret_recipient->share[i] = data[i];
	return 0;
}
