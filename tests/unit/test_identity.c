// SPDX-License-Identifier: BSD-2-Clause
// Opens files that the age program made. A file that was changed is not opened.
#include "age_made.h"
#include "crash/crypt/identity.h"

#define BYTES (LB_CHUNK_PLAIN + 1000)

static char folder[] = "/tmp/test_identity.XXXXXX";
static struct age_key keys[4];
static struct lb_identities identities;
static uint8_t data[BYTES], file[BYTES + 8192];
static struct lb_error err;

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	for (unsigned int i = 0; i < 4; i++)
		age_make_key(folder, i, &keys[i]);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i % 251);
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

static int read_identities(const char *text)
{
	err.text[0] = '\0';
	return lb_identities_read(text, strlen(text), &identities, &err);
}

static void read_key(unsigned int i)
{
	char text[512] = "";

	age_read_file(keys[i].path, text, sizeof(text) - 1);
	if (read_identities(text) != 0)
		fail_msg("%s", err.text);
}

// Encrypts with the age program; `recipients` are its options.
static size_t encrypt(const char *recipients)
{
	char command[600], plain[64], sealed[64];

	snprintf(plain, sizeof(plain), "%s/plain", folder);
	snprintf(sealed, sizeof(sealed), "%s/sealed", folder);
	age_write_file(plain, data, sizeof(data));
	snprintf(command, sizeof(command), "age %s -o %s %s", recipients, sealed, plain);
	age_run(command, true);
	return age_read_file(sealed, file, sizeof(file));
}

static int open_age(size_t bytes, struct lb_age_opened *opened)
{
	err.text[0] = '\0';
	return lb_age_open(file, bytes, &identities, opened, &err);
}

static void assert_content(const struct lb_age_opened *opened, size_t bytes)
{
	uint8_t *payload = file + opened->payload_at;
	const uint32_t rest = (uint32_t)(bytes - opened->payload_at - LB_CHUNK_SEALED);

	assert_true(lb_chunk_open(opened->key, (struct lb_chunk_place){0, false}, payload, LB_CHUNK_SEALED));
	assert_memory_equal(payload, data, LB_CHUNK_PLAIN);
	assert_true(lb_chunk_open(opened->key, (struct lb_chunk_place){1, true}, payload + LB_CHUNK_SEALED,
				  rest));
	assert_memory_equal(payload + LB_CHUNK_SEALED, data + LB_CHUNK_PLAIN, 1000);
}

static void test_of_age(void **state)
{
	char words[400];
	struct lb_age_opened opened;
	size_t bytes;

	(void)state;
	snprintf(words, sizeof(words), "-r %s -r %s -r %s", keys[0].recipient, keys[1].recipient,
		 keys[2].recipient);
	for (unsigned int i = 0; i < 3; i++) {
		bytes = encrypt(words);
		assert_int_equal(lb_age_count_recipients(file, bytes), 3);
		read_key(i);
		if (open_age(bytes, &opened) != 0)
			fail_msg("%s", err.text);
		assert_content(&opened, bytes);
	}
	read_key(3);
	assert_int_equal(open_age(encrypt(words), &opened), -1);
	assert_non_null(strstr(err.text, "encrypted to others"));
}

// Stanzas of other kinds of recipient are skipped.
static void test_beside_ssh(void **state)
{
	char words[400], command[200];
	struct lb_age_opened opened;
	size_t bytes;

	(void)state;
	snprintf(command, sizeof(command), "ssh-keygen -q -t ed25519 -N '' -f %s/ssh", folder);
	if (system("command -v ssh-keygen >/dev/null") != 0)
		skip();
	age_run(command, true);
	snprintf(words, sizeof(words), "-R %s/ssh.pub -r %s", folder, keys[0].recipient);
	bytes = encrypt(words);
	assert_int_equal(lb_age_count_recipients(file, bytes), 1);
	read_key(0);
	assert_int_equal(open_age(bytes, &opened), 0);
	assert_content(&opened, bytes);
}

// The header is refused if any byte of it is changed or cut off.
static void test_changed(void **state)
{
	struct lb_recipients recipients = {.count = 0};
	struct lb_age_opened opened;
	size_t bytes;

	(void)state;
	age_add_recipient(&recipients, &keys[0]);
	age_add_recipient(&recipients, &keys[1]);
	read_key(0);
	bytes = age_seal(&recipients, data, 10, file);
	assert_int_equal(open_age(bytes, &opened), 0);
	for (uint32_t i = 0; i < opened.payload_at - LB_CRYPT_NONCE; i++) {
		struct lb_age_opened changed;

		file[i] ^= 1;
		assert_int_equal(open_age(bytes, &changed), -1);
		file[i] ^= 1;
	}
	for (size_t cut = 0; cut < opened.payload_at; cut++) {
		struct lb_age_opened changed;

		assert_int_equal(open_age(cut, &changed), -1);
	}
	assert_int_equal(open_age(bytes, &opened), 0);
	assert_int_equal(lb_age_count_recipients(data, sizeof(data)), 0);
}

static void test_identities(void **state)
{
	char text[600];

	(void)state;
	snprintf(text, sizeof(text), "# mine\n\n%s\r\n%s", keys[0].secret, keys[1].secret);
	assert_int_equal(read_identities(text), 0);
	assert_int_equal(identities.count, 2);
	assert_int_equal(read_identities("# none\n"), -1);
	assert_non_null(strstr(err.text, "no identity"));
	assert_int_equal(read_identities("AGE-PLUGIN-YUBIKEY-1QQQQ\n"), -1);
	assert_non_null(strstr(err.text, "plugin"));
	assert_int_equal(read_identities("AGE-SECRET-KEY-PQ-1QQQQ\n"), -1);
	assert_non_null(strstr(err.text, "post-quantum"));
	text[20] = '\0';
	snprintf(text, sizeof(text), "\n%s", keys[0].secret);
	text[30] = text[30] == 'Q' ? 'P' : 'Q';
	assert_int_equal(read_identities(text), -1);
	assert_non_null(strstr(err.text, "line 2: an identity that is damaged"));
	assert_int_equal(read_identities(keys[0].recipient), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_age),
		cmocka_unit_test(test_beside_ssh),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_identities),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
