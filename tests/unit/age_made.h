// SPDX-License-Identifier: BSD-2-Clause
// Makes recipients and age files for tests, with random numbers from the host.
#ifndef LIFEBOAT_TESTS_UNIT_AGE_MADE_H
#define LIFEBOAT_TESTS_UNIT_AGE_MADE_H

#include <sys/random.h>

#include "age_program.h"
#include "crash/crypt/age.h"
#include "crash/crypt/chunk.h"

static inline void age_host_random(void *ctx, void *to, size_t bytes)
{
	(void)ctx;
	assert_int_equal(getrandom(to, bytes, 0), bytes);
}

static const struct lb_random age_random = {.bytes = age_host_random};

static inline void age_add_recipient(struct lb_recipients *recipients, const struct age_key *key)
{
	struct lb_error err;

	if (lb_recipient_parse(key->recipient, strlen(key->recipient), &recipients->list[recipients->count++],
			       &err) != 0)
		fail_msg("%s", err.text);
}

// Encrypts `bytes` bytes at `data` into `to` as an age file; returns its length.
static inline size_t age_seal(const struct lb_recipients *recipients, const uint8_t *data, size_t bytes,
			      uint8_t *to)
{
	struct lb_crypt_file file;
	struct lb_chunk_place place = {0, false};
	struct lb_error err;
	size_t at;

	if (lb_age_make(recipients, &age_random, &file, &err) != 0)
		fail_msg("%s", err.text);
	memcpy(to, file.prefix, file.prefix_bytes);
	at = file.prefix_bytes;
	do {
		const uint32_t now = bytes < LB_CHUNK_PLAIN ? (uint32_t)bytes : LB_CHUNK_PLAIN;

		place.last = bytes == now;
		lb_chunk_seal(file.key, place, data, now, to + at);
		at += now + LB_CRYPT_TAG;
		data += now;
		bytes -= now;
		place.number++;
	} while (!place.last);
	return at;
}

#endif
