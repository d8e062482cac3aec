// SPDX-License-Identifier: BSD-2-Clause
// Files that crash/crypt/age.c makes are opened by the age program.
#include "age_made.h"

#define KEYS LB_MAX_RECIPIENTS
#define MOST (3 * LB_CHUNK_PLAIN + 777)

static char folder[] = "/tmp/test_age.XXXXXX";
static struct age_key keys[KEYS];
static uint8_t data[MOST], sealed[MOST + 8192], again[MOST + 8192];

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	for (unsigned int i = 0; i < KEYS; i++)
		age_make_key(folder, i, &keys[i]);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 2654435761U >> 13);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	age_run(command, true);
	return 0;
}

// The age program opens files of each length at which a chunk begins or ends.
static void test_lengths(void **state)
{
	static const size_t lengths[] = {
		0, 1, 4096, LB_CHUNK_PLAIN - 1, LB_CHUNK_PLAIN, LB_CHUNK_PLAIN + 1, 2 * LB_CHUNK_PLAIN, MOST};
	struct lb_recipients recipients = {.count = 0};
	bool content;

	(void)state;
	age_add_recipient(&recipients, &keys[0]);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		const size_t bytes = age_seal(&recipients, data, lengths[i], sealed);

		assert_int_equal(age_decrypt(&keys[0], sealed, bytes, again, sizeof(again), &content),
				 lengths[i]);
		assert_true(content);
		assert_memory_equal(again, data, lengths[i]);
	}
}

// Each of up to eight recipients can open the file, and nobody else can.
static void test_recipients(void **state)
{
	struct lb_recipients recipients = {.count = 0};
	bool content;

	(void)state;
	for (unsigned int count = 1; count <= KEYS; count++) {
		size_t bytes;

		age_add_recipient(&recipients, &keys[count - 1]);
		bytes = age_seal(&recipients, data, 100, sealed);
		for (unsigned int i = 0; i < KEYS; i++) {
			const size_t opened =
				age_decrypt(&keys[i], sealed, bytes, again, sizeof(again), &content);

			assert_int_equal(content, i < count);
			assert_int_equal(opened, i < count ? 100 : 0);
		}
	}
}

// Two files for one recipient differ in key and nonce, and neither contains the recipient's key.
static void test_fresh(void **state)
{
	struct lb_recipients recipients = {.count = 0};
	struct lb_crypt_file one, two;
	struct lb_error err;

	(void)state;
	age_add_recipient(&recipients, &keys[0]);
	assert_int_equal(lb_age_make(&recipients, &age_random, &one, &err), 0);
	assert_int_equal(lb_age_make(&recipients, &age_random, &two, &err), 0);
	assert_int_equal(one.prefix_bytes, two.prefix_bytes);
	assert_memory_not_equal(one.key, two.key, sizeof(one.key));
	assert_memory_not_equal(one.prefix + one.prefix_bytes - LB_CRYPT_NONCE,
				two.prefix + two.prefix_bytes - LB_CRYPT_NONCE, LB_CRYPT_NONCE);
	for (size_t i = 0; i + 40 < one.prefix_bytes; i++)
		assert_memory_not_equal(one.prefix + i, recipients.list[0].share, 32);
}

// A recipient's key of zeroes is refused: a file for it could be opened by everybody.
static void test_bad_share(void **state)
{
	struct lb_recipients recipients = {.count = 1}, none = {.count = 0};
	static const uint8_t zeroes[LB_CRYPT_KEY];
	struct lb_crypt_file file;
	struct lb_error err;

	(void)state;
	assert_int_equal(lb_age_make(&recipients, &age_random, &file, &err), -1);
	assert_non_null(strstr(err.text, "recipient 1"));
	assert_memory_equal(file.key, zeroes, sizeof(zeroes));
	assert_int_equal(file.prefix_bytes, 0);
	assert_int_equal(lb_age_make(&none, &age_random, &file, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_bad_share),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
