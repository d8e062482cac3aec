// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crypt/age.h"

#include "crash/crypt/base64.h"
#include "crash/crypt/primitives.h"
#include "lib/mem.h"

#define SHARE_TEXT LB_BASE64_BYTES(LB_CRYPT_SHARE)
#define STANZA_BYTES (sizeof(LB_AGE_STANZA) - 1 + SHARE_TEXT + 1 + LB_BASE64_BYTES(LB_AGE_WRAPPED) + 1)
#define PREFIX_MAX                                                                                           \
	(sizeof(LB_AGE_VERSION_LINE) - 1 + LB_MAX_RECIPIENTS * STANZA_BYTES + sizeof(LB_AGE_MAC_LINE) +      \
	 LB_BASE64_BYTES(LB_CRYPT_MAC) + 1 + LB_CRYPT_NONCE)
_Static_assert(PREFIX_MAX <= sizeof(((struct lb_crypt_file *)0)->prefix), "all recipients fit");

// What must be wiped once the beginning of a file is made.
struct secrets {
	uint8_t file_key[LB_AGE_FILE_KEY];
	uint8_t ephemeral[LB_CRYPT_SECRET], shared[LB_CRYPT_SHARE], wrap_key[LB_CRYPT_KEY];
	uint8_t wrapped[LB_AGE_WRAPPED];
};

void lb_age_wrap_key(const uint8_t shared[LB_CRYPT_SHARE], const uint8_t ephemeral[LB_CRYPT_SHARE],
		     const uint8_t recipient[LB_CRYPT_SHARE], uint8_t ret_key[LB_CRYPT_KEY])
{
	uint8_t salt[2 * LB_CRYPT_SHARE];

	memcpy(salt, ephemeral, LB_CRYPT_SHARE);
	memcpy(salt + LB_CRYPT_SHARE, recipient, LB_CRYPT_SHARE);
	lb_crypt_hkdf((struct lb_crypt_bytes){shared, LB_CRYPT_SHARE},
		      (struct lb_crypt_bytes){salt, sizeof(salt)}, "age-encryption.org/v1/X25519", ret_key,
		      LB_CRYPT_KEY);
}

void lb_age_mac(const uint8_t file_key[LB_AGE_FILE_KEY], const void *header, size_t bytes,
		uint8_t ret_mac[LB_CRYPT_KEY])
{
	uint8_t key[LB_CRYPT_KEY];

	lb_crypt_hkdf((struct lb_crypt_bytes){file_key, LB_AGE_FILE_KEY}, (struct lb_crypt_bytes){"", 0},
		      "header", key, sizeof(key));
	lb_crypt_hmac(key, (struct lb_crypt_bytes){header, bytes}, ret_mac);
	lb_crypt_wipe(key, sizeof(key));
}

void lb_age_payload_key(const uint8_t file_key[LB_AGE_FILE_KEY], const uint8_t nonce[LB_CRYPT_NONCE],
			uint8_t ret_key[LB_CRYPT_KEY])
{
	lb_crypt_hkdf((struct lb_crypt_bytes){file_key, LB_AGE_FILE_KEY},
		      (struct lb_crypt_bytes){nonce, LB_CRYPT_NONCE}, "payload", ret_key, LB_CRYPT_KEY);
}

static void put(struct lb_crypt_file *file, const void *data, size_t bytes)
{
	memcpy(file->prefix + file->prefix_bytes, data, bytes);
	file->prefix_bytes += (uint32_t)bytes;
}

static void put_text(struct lb_crypt_file *file, const char *text)
{
	put(file, text, lb_strlen(text));
}

static void put_base64(struct lb_crypt_file *file, const uint8_t *data, size_t bytes)
{
	lb_base64_write(data, bytes, (char *)file->prefix + file->prefix_bytes);
	file->prefix_bytes += (uint32_t)LB_BASE64_BYTES(bytes);
	put_text(file, "\n");
}

static bool put_stanza(const struct lb_recipient *recipient, const struct lb_random *random,
		       struct secrets *secrets, struct lb_crypt_file *file)
{
	static const uint8_t nonce[12];
	uint8_t share[LB_CRYPT_SHARE];

	random->bytes(random->ctx, secrets->ephemeral, sizeof(secrets->ephemeral));
	lb_crypt_x25519_public(secrets->ephemeral, share);
	if (!lb_crypt_x25519(secrets->ephemeral, recipient->share, secrets->shared))
		return false;
	lb_age_wrap_key(secrets->shared, share, recipient->share, secrets->wrap_key);
	memcpy(secrets->wrapped, secrets->file_key, sizeof(secrets->file_key));
	lb_crypt_seal(secrets->wrap_key, nonce, secrets->wrapped, sizeof(secrets->file_key),
		      secrets->wrapped + sizeof(secrets->file_key));
	put_text(file, LB_AGE_STANZA);
	put_base64(file, share, sizeof(share));
	put_base64(file, secrets->wrapped, sizeof(secrets->wrapped));
	return true;
}

static int make(const struct lb_recipients *recipients, const struct lb_random *random,
		struct secrets *secrets, struct lb_crypt_file *file, struct lb_error *err)
{
	uint8_t mac[LB_CRYPT_MAC], nonce[LB_CRYPT_NONCE];

	random->bytes(random->ctx, secrets->file_key, sizeof(secrets->file_key));
	random->bytes(random->ctx, nonce, sizeof(nonce));
	put_text(file, LB_AGE_VERSION_LINE);
	for (uint32_t i = 0; i < recipients->count; i++) {
		if (!put_stanza(&recipients->list[i], random, secrets, file))
			return lb_fail(err,
				       "recipient %u: no secret key belongs to it: nobody could read "
				       "what is encrypted to it",
				       i + 1);
	}
	put_text(file, LB_AGE_MAC_LINE);
	lb_age_mac(secrets->file_key, file->prefix, file->prefix_bytes, mac);
	put_text(file, " ");
	put_base64(file, mac, sizeof(mac));
	put(file, nonce, sizeof(nonce));
	lb_age_payload_key(secrets->file_key, nonce, file->key);
	return 0;
}

int lb_age_make(const struct lb_recipients *recipients, const struct lb_random *random,
		struct lb_crypt_file *ret_file, struct lb_error *err)
{
	struct secrets secrets;
	int result;

	memset(ret_file, 0, sizeof(*ret_file));
	if (!recipients->count || recipients->count > LB_MAX_RECIPIENTS)
		return lb_fail(err, "%u recipients, wanted 1 to %d", recipients->count, LB_MAX_RECIPIENTS);
	result = make(recipients, random, &secrets, ret_file, err);
	lb_crypt_wipe(&secrets, sizeof(secrets));
	if (result != 0)
		lb_crypt_wipe(ret_file, sizeof(*ret_file));
	return result;
}
