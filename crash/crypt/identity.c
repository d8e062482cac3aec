// SPDX-License-Identifier: BSD-2-Clause
#include "crash/crypt/identity.h"

#include "crash/crypt/base64.h"
#include "crash/crypt/bech32.h"
#include "lib/mem.h"

#define WORD "AGE-SECRET-KEY-"
#define SHARE_TEXT LB_BASE64_BYTES(LB_CRYPT_SHARE)
#define WRAPPED_TEXT LB_BASE64_BYTES(LB_AGE_WRAPPED)
#define MAC_TEXT LB_BASE64_BYTES(LB_CRYPT_MAC)
#define STANZA (sizeof(LB_AGE_STANZA) - 1)
#define MAC (sizeof(LB_AGE_MAC_LINE) - 1)

struct line {
	const char *text;
	size_t bytes;
};

// Finds the next line, without its line feed, and moves *at behind it. False: there is no further line feed.
static bool next_line(const char *text, size_t bytes, size_t *at, struct line *ret_line)
{
	size_t end = *at;

	while (end < bytes && text[end] != '\n')
		end++;
	if (end == bytes)
		return false;
	*ret_line = (struct line){text + *at, end - *at};
	*at = end + 1;
	return true;
}

static bool begins(struct line line, const char *with, size_t bytes)
{
	return line.bytes >= bytes && memcmp(line.text, with, bytes) == 0;
}

// ---- Identities ------------------------------------------------------------------

static int add_identity(struct line line, uint32_t number, struct lb_identities *identities,
			struct lb_error *err)
{
	const size_t word = lb_bech32_word(line.text, line.bytes);
	struct lb_identity *identity;
	size_t count = 0;

	if (begins(line, "AGE-PLUGIN-", 11))
		return lb_fail(err, "line %u: a plugin's identity; wanted: " WORD "1...", number);
	if (begins(line, "AGE-SECRET-KEY-PQ-1", 19))
		return lb_fail(err, "line %u: a post-quantum identity; wanted: " WORD "1...", number);
	if (word != sizeof(WORD) - 1 || !begins(line, WORD, word))
		return lb_fail(err, "line %u: no identity; wanted: " WORD "1...", number);
	if (identities->count == LB_MAX_IDENTITIES)
		return lb_fail(err, "more than %d identities", LB_MAX_IDENTITIES);
	identity = &identities->list[identities->count];
	if (lb_bech32_read(line.text, line.bytes, identity->secret, LB_CRYPT_SECRET, &count) !=
		    LB_BECH32_OK ||
	    count != LB_CRYPT_SECRET)
		return lb_fail(err, "line %u: an identity that is damaged", number);
	lb_crypt_x25519_public(identity->secret, identity->share);
	identities->count++;
	return 0;
}

int lb_identities_read(const char *text, size_t bytes, struct lb_identities *ret_identities,
		       struct lb_error *err)
{
	size_t at = 0;

	memset(ret_identities, 0, sizeof(*ret_identities));
	for (uint32_t number = 1; at < bytes; number++) {
		struct line line = {text + at, bytes - at};

		if (!next_line(text, bytes, &at, &line))
			at = bytes; // the last line has no line feed
		if (line.bytes && line.text[line.bytes - 1] == '\r')
			line.bytes--;
		if (line.bytes && line.text[0] != '#' && add_identity(line, number, ret_identities, err) != 0)
			return -1;
	}
	return ret_identities->count ? 0 : lb_fail(err, "no identity in it; wanted: " WORD "1...");
}

// ---- Headers ---------------------------------------------------------------------

struct header {
	const char *text;
	size_t bytes; // of `text` that may be read
	size_t at; // the offset that is read next
};

static int fail_shape(const struct header *header, struct lb_error *err)
{
	return lb_fail(err, "age header: at byte %lu not as age v1 has it", (unsigned long)header->at);
}

static int read_version(struct header *header, struct lb_error *err)
{
	const size_t bytes = sizeof(LB_AGE_VERSION_LINE) - 1;

	if (header->bytes < bytes || memcmp(header->text, LB_AGE_VERSION_LINE, bytes) != 0)
		return lb_fail(err, "it does not begin with \"age-encryption.org/v1\"");
	header->at = bytes;
	return 0;
}

// One stanza: its first line and, for X25519, its share and the wrapped file key.
struct stanza {
	struct line first;
	uint8_t share[LB_CRYPT_SHARE], wrapped[LB_AGE_WRAPPED];
	bool is_ours;
};

#define BODY_LINE 64U // characters; a shorter one ends the body

static bool read_stanza(struct header *header, struct stanza *ret_stanza)
{
	struct stanza *stanza = ret_stanza;
	struct line body = {NULL, 0}, line;

	if (!next_line(header->text, header->bytes, &header->at, &stanza->first) ||
	    !begins(stanza->first, "-> ", 3))
		return false;
	do {
		if (!next_line(header->text, header->bytes, &header->at, &line) || line.bytes > BODY_LINE)
			return false;
		body = body.text ? body : line;
	} while (line.bytes == BODY_LINE);
	stanza->is_ours = begins(stanza->first, LB_AGE_STANZA, STANZA);
	if (!stanza->is_ours)
		return true;
	return stanza->first.bytes == STANZA + SHARE_TEXT && body.bytes == WRAPPED_TEXT &&
	       lb_base64_read(stanza->first.text + STANZA, LB_CRYPT_SHARE, stanza->share) &&
	       lb_base64_read(body.text, LB_AGE_WRAPPED, stanza->wrapped);
}

static bool unwrap(const struct stanza *stanza, const struct lb_identities *identities,
		   uint8_t ret_key[LB_AGE_FILE_KEY])
{
	static const uint8_t nonce[12];
	uint8_t shared[LB_CRYPT_SHARE], key[LB_CRYPT_KEY], wrapped[LB_AGE_WRAPPED];
	bool opened = false;

	for (uint32_t i = 0; i < identities->count && !opened; i++) {
		if (!lb_crypt_x25519(identities->list[i].secret, stanza->share, shared))
			continue;
		lb_age_wrap_key(shared, stanza->share, identities->list[i].share, key);
		memcpy(wrapped, stanza->wrapped, sizeof(wrapped));
		opened = lb_crypt_open(key, nonce, wrapped, LB_AGE_FILE_KEY, wrapped + LB_AGE_FILE_KEY);
	}
	if (opened)
		memcpy(ret_key, wrapped, LB_AGE_FILE_KEY);
	return opened;
}

static int read_mac(struct header *header, const uint8_t file_key[LB_AGE_FILE_KEY], struct lb_error *err)
{
	const size_t signed_bytes = header->at + MAC;
	uint8_t wanted[LB_CRYPT_MAC], found[LB_CRYPT_MAC];
	struct line line;

	if (!next_line(header->text, header->bytes, &header->at, &line) || line.bytes != MAC + 1 + MAC_TEXT ||
	    line.text[MAC] != ' ' || !lb_base64_read(line.text + MAC + 1, LB_CRYPT_MAC, found))
		return fail_shape(header, err);
	lb_age_mac(file_key, header->text, signed_bytes, wanted);
	if (!lb_crypt_same(wanted, found, sizeof(found)))
		return lb_fail(err, "age header: it was changed: its MAC is wrong");
	return 0;
}

static bool at_mac(const struct header *header)
{
	return header->bytes - header->at >= MAC &&
	       memcmp(header->text + header->at, LB_AGE_MAC_LINE, MAC) == 0;
}

int lb_age_open(const void *file, size_t bytes, const struct lb_identities *identities,
		struct lb_age_opened *ret_opened, struct lb_error *err)
{
	struct header header = {.text = file, .bytes = bytes < LB_AGE_HEADER_MAX ? bytes : LB_AGE_HEADER_MAX};
	uint8_t file_key[LB_AGE_FILE_KEY];
	bool opened = false;

	if (read_version(&header, err) != 0)
		return -1;
	while (!at_mac(&header)) {
		struct stanza stanza;

		if (!read_stanza(&header, &stanza))
			return fail_shape(&header, err);
		opened = opened || (stanza.is_ours && unwrap(&stanza, identities, file_key));
	}
	if (!opened)
		return lb_fail(err, "no identity that was given opens it: it is encrypted to others");
	if (read_mac(&header, file_key, err) != 0)
		return -1;
	if (bytes - header.at < LB_CRYPT_NONCE)
		return lb_fail(err, "it ends before its payload");
	lb_age_payload_key(file_key, (const uint8_t *)file + header.at, ret_opened->key);
	ret_opened->payload_at = (uint32_t)header.at + LB_CRYPT_NONCE;
	lb_crypt_wipe(file_key, sizeof(file_key));
	return 0;
}

uint32_t lb_age_count_recipients(const void *file, size_t bytes)
{
	struct header header = {.text = file, .bytes = bytes < LB_AGE_HEADER_MAX ? bytes : LB_AGE_HEADER_MAX};
	uint32_t count = 0;
	struct stanza stanza;

	if (read_version(&header, NULL) != 0)
		return 0;
	while (!at_mac(&header) && read_stanza(&header, &stanza))
		count += stanza.is_ours;
	return at_mac(&header) ? count : 0;
}
