// SPDX-License-Identifier: BSD-2-Clause
#include <ctype.h>
#include <string.h>

#include "crash/crypt/recipient.h"
#include "unit.h"

// The example of age's own documentation.
#define GOOD "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

static struct lb_recipient recipient;
static struct lb_error err;

static int parse(const char *text)
{
	err.text[0] = '\0';
	return lb_recipient_parse(text, strlen(text), &recipient, &err);
}

static void assert_refused(const char *text, const char *why)
{
	struct lb_recipient before;

	memset(&recipient, 0x5a, sizeof(recipient));
	before = recipient;
	assert_int_equal(parse(text), -1);
	if (!strstr(err.text, why))
		fail_msg("%s: \"%s\", wanted \"%s\"", text, err.text, why);
	assert_memory_equal(&recipient, &before, sizeof(before));
}

static void test_good(void **state)
{
	(void)state;
	assert_int_equal(strlen(GOOD), LB_RECIPIENT_TEXT);
	assert_int_equal(parse(GOOD), 0);
	assert_memory_equal(recipient.share,
			    "\x07\xe2\x2f\x5e\x44\xa5\x42\xe8\xdc\x8e\x75\x3a\x42\x25\x1e\x10", 16);
}

static void test_other_kinds(void **state)
{
	(void)state;
	assert_refused("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN",
		       "an SSH key");
	assert_refused("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ", "an SSH key");
	assert_refused("age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt",
		       "a plugin's recipient");
	assert_refused("age1tag1qwe0kafsjrar4txm6heqnhpfuggzr0gvznz7fvygxrlq90u5mq2pysxtw6h",
		       "a plugin's recipient");
	assert_refused("age1pq1mxl3q5kx5g0wnjnh2dpwdmq7a8f4", "a post-quantum recipient");
	assert_refused("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
		       "a secret key");
	assert_null(strstr(err.text, "GFPYYSJZ"));
	assert_refused("me@example.org", "no recipient");
	assert_refused("", "no recipient");
}

static void test_mistyped(void **state)
{
	char text[] = GOOD;

	(void)state;
	text[10] = text[10] == 'q' ? 'p' : 'q';
	assert_refused(text, "its checksum is wrong");
	assert_refused("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8",
		       "its checksum is wrong");
	assert_refused("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8pp",
		       "its checksum is wrong");
	assert_refused("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8P", "capital and small");
	assert_refused("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8b", "a character");
	assert_refused("age1ql3", "a character");
	for (char *c = text; *c; c++)
		*c = (char)toupper(*c);
	assert_refused(text, "no recipient");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_mistyped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
