// SPDX-License-Identifier: BSD-2-Clause
// Property: given any bytes as an age file, a file of identities or a recipient, the readers report what is
// wrong, or their results lie inside the bytes. An age header that was changed in any byte is not opened;
// behind it only the payload's nonce may change.
//
// The first byte chooses the reader.
#include "crash/crypt/identity.h"
#include "crash/crypt/recipient.h"
#include "fuzz.h"

enum reader { FILE_AS_IT_IS, FILE_CHANGED, IDENTITIES, RECIPIENT, READERS };
#define CHANGES 8U

static uint8_t next_number;

// Random numbers that are the same in each run.
static void numbers(void *ctx, void *to, size_t bytes)
{
	(void)ctx;
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)to)[i] = next_number += 0x3b;
}

static struct lb_identities make_identity(void)
{
	struct lb_identities identities = {.count = 1};

	memset(identities.list[0].secret, 0x42, LB_CRYPT_SECRET);
	lb_crypt_x25519_public(identities.list[0].secret, identities.list[0].share);
	return identities;
}

static void check_opened(const struct lb_age_opened *opened, const uint8_t *file, size_t bytes)
{
	fuzz_check(opened->payload_at >= LB_CRYPT_NONCE && opened->payload_at <= bytes);
	fuzz_check(lb_age_count_recipients(file, bytes) > 0);
}

static void read_file(const uint8_t *data, size_t bytes)
{
	const struct lb_identities identities = make_identity();
	struct lb_age_opened opened;
	struct lb_error err;

	fuzz_poison_error(&err);
	if (lb_age_open(data, bytes, &identities, &opened, &err) == 0)
		check_opened(&opened, data, bytes);
	else
		fuzz_check_error(&err, "");
	lb_age_count_recipients(data, bytes);
}

// Changes bytes: the input has pairs of a place and a value.
static bool change(struct fuzz_input *input, uint8_t *file, size_t header_bytes)
{
	uint8_t before[sizeof(((struct lb_crypt_file *)0)->prefix)];

	memcpy(before, file, header_bytes);
	for (unsigned int i = 0; i < CHANGES && input->left; i++) {
		const size_t at = fuzz_take(input, 2) % header_bytes;

		file[at] = (uint8_t)fuzz_take(input, 1);
	}
	return memcmp(before, file, header_bytes) != 0;
}

static void read_changed(struct fuzz_input *input)
{
	const struct lb_identities identities = make_identity();
	const struct lb_random random = {numbers, NULL};
	struct lb_recipients recipients = {.count = 2};
	struct lb_age_opened opened;
	struct lb_crypt_file made;
	struct lb_error err;
	uint8_t *file;
	bool changed;

	next_number = 0;
	memcpy(recipients.list[0].share, identities.list[0].share, LB_CRYPT_SHARE);
	memcpy(recipients.list[1].share, identities.list[0].share, LB_CRYPT_SHARE);
	fuzz_check(lb_age_make(&recipients, &random, &made, &err) == 0);
	file = fuzz_alloc(made.prefix_bytes);
	memcpy(file, made.prefix, made.prefix_bytes);
	changed = change(input, file, made.prefix_bytes - LB_CRYPT_NONCE);
	fuzz_poison_error(&err);
	if (lb_age_open(file, made.prefix_bytes, &identities, &opened, &err) != 0) {
		fuzz_check(changed);
		fuzz_check_error(&err, "");
	} else {
		fuzz_check(!changed && opened.payload_at == made.prefix_bytes);
		fuzz_check(memcmp(opened.key, made.key, LB_CRYPT_KEY) == 0);
		fuzz_check(lb_age_count_recipients(file, made.prefix_bytes) == 2);
	}
	free(file);
}

static void read_identities(const char *text, size_t bytes)
{
	struct lb_identities identities;
	struct lb_error err;

	fuzz_poison_error(&err);
	if (lb_identities_read(text, bytes, &identities, &err) == 0)
		fuzz_check(identities.count >= 1 && identities.count <= LB_MAX_IDENTITIES);
	else
		fuzz_check_error(&err, "");
}

static void read_recipient(const char *text, size_t bytes)
{
	struct lb_recipient recipient;
	struct lb_error err;

	fuzz_poison_error(&err);
	fuzz_poison(&recipient, sizeof(recipient));
	if (lb_recipient_parse(text, bytes, &recipient, &err) != 0) {
		fuzz_check_error(&err, "");
		fuzz_check_untouched(&recipient, sizeof(recipient));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	const enum reader reader = fuzz_take(&input, 1) % READERS;
	uint8_t *copy = fuzz_alloc(input.left);

	if (input.left)
		memcpy(copy, input.next, input.left);
	switch (reader) {
	case FILE_CHANGED:
		read_changed(&input);
		break;
	case IDENTITIES:
		read_identities((const char *)copy, input.left);
		break;
	case RECIPIENT:
		read_recipient((const char *)copy, input.left);
		break;
	default:
		read_file(copy, input.left);
	}
	free(copy);
	return 0;
}
