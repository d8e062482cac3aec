// SPDX-License-Identifier: BSD-2-Clause
#include "loader/options/dump_options.h"

#include <string.h>

#include "lifeboat/dumpdisk.h"
#include "unit.h"

// Requests for a self-test: none, from lifeboat.conf (once), and from the command line.
static const struct lb_dump_options none = {0}, once = {.selftest = true, .selftest_once = true},
				    now = {.selftest = true};

static void test_boot(void **state)
{
	static const struct {
		const struct lb_dump_options *options;
		bool possible;
		uint32_t verdict;
		enum lb_boot boot;
	} cases[] = {
		{&none, true, LB_SELFTEST_NONE, LB_BOOT_KERNEL},
		{&none, false, LB_SELFTEST_NONE, LB_BOOT_KERNEL},
		{&now, true, LB_SELFTEST_NONE, LB_BOOT_SELFTEST},
		{&now, true, LB_SELFTEST_PASSED, LB_BOOT_SELFTEST},
		{&now, true, LB_SELFTEST_BEGUN, LB_BOOT_SELFTEST},
		{&now, false, LB_SELFTEST_NONE, LB_BOOT_NOTHING},
		{&now, false, LB_SELFTEST_PASSED, LB_BOOT_NOTHING},
		{&once, true, LB_SELFTEST_NONE, LB_BOOT_SELFTEST},
		{&once, true, LB_SELFTEST_BEGUN, LB_BOOT_KERNEL}, // a self-test was begun and did not come back; it is not repeated
		{&once, true, LB_SELFTEST_PASSED, LB_BOOT_KERNEL},
		{&once, true, LB_SELFTEST_FAILED, LB_BOOT_KERNEL},
		{&once, false, LB_SELFTEST_NONE, LB_BOOT_KERNEL},
		{&once, false, LB_SELFTEST_FAILED, LB_BOOT_KERNEL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(lb_dump_options_boot(cases[i].options, cases[i].possible, cases[i].verdict),
				 cases[i].boot);
}

// If two places ask for a self-test, the later one counts.
static void test_selftest_asked_twice(void **state)
{
	struct lb_dump_options options = once;
	struct lb_error err;

	(void)state;
	assert_int_equal(lb_dump_options_set(&options, LB_DUMP_OPTION_SELFTEST, "--selftest", NULL, &err), 0);
	assert_int_equal(lb_dump_options_boot(&options, true, LB_SELFTEST_PASSED), LB_BOOT_SELFTEST);
}

#define RECIPIENT "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
#define OTHER "age1ce7lzmmuu38hpgjnr4g5j4vmelqmcp5u65h7ymgw5n6czerw85dqmvau90"

static int encrypt(struct lb_dump_options *options, const char *recipient, struct lb_error *err)
{
	err->text[0] = '\0';
	return lb_dump_options_set(options, LB_DUMP_OPTION_ENCRYPT, "--dump-encrypt", recipient, err);
}

static void test_recipients(void **state)
{
	struct lb_dump_options options;
	struct lb_error err;

	(void)state;
	lb_dump_options_init(&options);
	assert_int_equal(options.recipients.count, 0);
	assert_int_equal(encrypt(&options, RECIPIENT, &err), 0);
	assert_int_equal(encrypt(&options, OTHER, &err), 0);
	assert_int_equal(options.recipients.count, 2);
	assert_memory_not_equal(options.recipients.list[0].share, options.recipients.list[1].share, 32);

	// Words of a later source replace those of an earlier one.
	options.recipients_begun = false;
	assert_int_equal(encrypt(&options, OTHER, &err), 0);
	assert_int_equal(options.recipients.count, 1);
	for (unsigned int i = 1; i < LB_MAX_RECIPIENTS; i++)
		assert_int_equal(encrypt(&options, RECIPIENT, &err), 0);
	assert_int_equal(encrypt(&options, RECIPIENT, &err), -1);
	assert_string_equal(err.text, "--dump-encrypt: more than 8 of them");
	assert_int_equal(options.recipients.count, LB_MAX_RECIPIENTS);
}

static void test_recipients_refused(void **state)
{
	struct lb_dump_options options;
	struct lb_error err;

	(void)state;
	lb_dump_options_init(&options);
	assert_int_equal(encrypt(&options, "ssh-ed25519", &err), -1);
	assert_string_equal(err.text, "--dump-encrypt: \"ssh-ed25519\": an SSH key; wanted: age1 and 58 "
				      "characters, as age-keygen -y prints");
	assert_int_equal(options.recipients.count, 0);
}

static void to(struct lb_dump_options *options, const char *value, enum lb_dump_by by, const char *map)
{
	const struct lb_dump_to *last;
	struct lb_error err;

	assert_int_equal(lb_dump_options_set(options, LB_DUMP_OPTION_TO, "--dump-to", value, &err), 0);
	last = &options->to[options->to_count - 1];
	assert_int_equal(last->by, by);
	assert_string_equal(last->word, value);
	if (map)
		assert_string_equal(lb_dump_to_map(last), map);
}

// Partitions and files stay in the given order.
static void test_files(void **state)
{
	struct lb_dump_options options;
	struct lb_error err;

	(void)state;
	lb_dump_options_init(&options);
	to(&options, "file", LB_DUMP_BY_FILE, "\\EFI\\lifeboat\\reserve.map");
	to(&options, "auto", LB_DUMP_BY_TYPE, NULL);
	to(&options, "\\x\\y.map", LB_DUMP_BY_FILE, "\\x\\y.map");
	to(&options, "fs1:\\y.map", LB_DUMP_BY_FILE, "fs1:\\y.map");
	assert_int_equal(options.to_count, 4);
	options.to_begun = false;
	to(&options, "/y.map", LB_DUMP_BY_FILE, "/y.map");
	assert_int_equal(options.to_count, 1);
	assert_int_equal(lb_dump_options_set(&options, LB_DUMP_OPTION_TO, "--dump-to", "files", &err), -1);
	assert_non_null(strstr(err.text, "wanted PARTLABEL=NAME, PARTUUID=UUID, auto, file or"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boot),       cmocka_unit_test(test_selftest_asked_twice),
		cmocka_unit_test(test_recipients), cmocka_unit_test(test_recipients_refused),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
