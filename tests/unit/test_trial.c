// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/trial.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

#define HASH 0x1122334455667788ULL

static const uint8_t ids[12][LB_TRIAL_ID] = {{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}, {10}, {11}, {12}};

static struct lb_trial parse(const char *text)
{
	struct lb_trial trial;
	struct lb_error err = {""};

	if (lb_trial_parse(text, strlen(text), &trial, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return trial;
}

static void refuse(const char *text, const char *wanted)
{
	struct lb_trial trial = {.failed = 77};
	struct lb_error err = {""};

	assert_int_equal(lb_trial_parse(text, strlen(text), &trial, &err), -1);
	if (!strstr(err.text, wanted))
		fail_msg("%s: \"%s\", wanted \"%s\"", text, err.text, wanted);
	assert_int_equal(trial.failed, 77);
}

static void same(const struct lb_trial *trial, const char *wanted)
{
	char text[LB_TRIAL_ROOM];

	assert_int_equal(lb_trial_print(trial, text), strlen(wanted));
	assert_string_equal(text, wanted);
}

static struct lb_trial with(enum lb_trial_mark mark)
{
	return (struct lb_trial){.mark = mark, .hash = HASH};
}

static void test_what_is_printed_is_read(void **state)
{
	static const char text[] = "mark=proved\nhash=1122334455667788\nfailed=1\npanics=2\n"
				   "counted=000102030405060708090a0b0c0d0e0f\n"
				   "counted=ff000000000000000000000000000000\n"
				   "crash=0x10000000-0x20000000\ncrash_low=0x1000-0x2000\n"
				   "hook=0x7e000000-0x7e010000\nwhy=somebody said so\n";
	struct lb_trial trial = parse(text);

	(void)state;
	assert_int_equal(trial.mark, LB_TRIAL_PROVED);
	assert_int_equal(trial.hash, HASH);
	assert_int_equal(trial.counted_count, 2);
	assert_int_equal(trial.counted[0][15], 15);
	assert_int_equal(trial.hook.end, 0x7e010000);
	same(&trial, text);
}

static void test_the_longest_text_has_room(void **state)
{
	struct lb_trial trial = {.mark = LB_TRIAL_PENDING,
				 .hash = UINT64_MAX,
				 .failed = UINT32_MAX,
				 .panics = UINT32_MAX,
				 .counted_count = LB_TRIAL_COUNTED};
	const struct lb_range far = {UINT64_MAX - 0x1fff, UINT64_MAX - 0xfff};
	char text[LB_TRIAL_ROOM];
	struct lb_trial again;

	(void)state;
	trial.crash = trial.crash_low = trial.hook = far;
	memset(trial.counted, 0xab, sizeof(trial.counted));
	memset(trial.why, 'w', sizeof(trial.why) - 1);
	assert_true(lb_trial_print(&trial, text) < sizeof(text));
	again = parse(text);
	assert_int_equal(again.counted_count, LB_TRIAL_COUNTED);
	assert_string_equal(again.why, trial.why);
	same(&again, text);
}

static void test_what_is_not_known_does_not_count(void **state)
{
	struct lb_trial trial;

	(void)state;
	trial = parse("new=1\nno line\n\nmark=begun\nmark=pending");
	assert_int_equal(trial.mark, LB_TRIAL_PENDING);
	assert_int_equal(lb_trial_parse("mark=aside\n\0mark=begun\n", 23, &trial, NULL), 0);
	assert_int_equal(trial.mark, LB_TRIAL_ASIDE);
}

static void test_a_text_that_is_none(void **state)
{
	(void)state;
	refuse("", "no line \"mark=\" in its 0 bytes");
	refuse("hash=1\n", "no line \"mark=\"");
	refuse("mark=beguN\n", "\"mark=beguN\" is no value of that key");
	refuse("mark=begun\nhash=11223344556677889\n", "hash=11223344556677889");
	refuse("mark=begun\nhash=-1\n", "hash=-1");
	refuse("mark=begun\nfailed=\n", "failed=");
	refuse("mark=begun\nfailed=-1\n", "failed=-1");
	refuse("mark=begun\npanics=4294967296\n", "panics=4294967296");
	refuse("mark=begun\ncounted=12\n", "counted=12");
	refuse("mark=begun\ncounted=0001020304050607080910111213141x\n", "counted=");
	refuse("mark=begun\ncrash=0x1000\n", "crash=0x1000");
	refuse("mark=begun\ncrash=0x2000-0x1000\n", "crash=");
	refuse("mark=begun\ncrash=0x1000-0x1001\n", "crash=");
	refuse("mark=begun\nhook=1000-2000\n", "hook=");
	refuse("mark=begun\nhook=0x1000-2000\n", "hook=");
	refuse("mark=begun\nhook=0x000000000000000000000000-0x1000\n", "hook=");
}

static enum lb_trial_aside find(struct lb_trial *trial, bool wanted_write)
{
	bool write = !wanted_write;
	enum lb_trial_aside aside = lb_trial_find(trial, &write);

	assert_int_equal(write, wanted_write);
	return aside;
}

// What a boot does by each mark.
static void test_what_a_boot_finds(void **state)
{
	struct lb_trial trial = with(LB_TRIAL_PENDING);

	(void)state;
	assert_int_equal(find(&trial, true), LB_ASIDE_NOT);
	assert_int_equal(trial.mark, LB_TRIAL_BEGUN);

	trial = with(LB_TRIAL_PROVED);
	assert_int_equal(find(&trial, false), LB_ASIDE_NOT);
	assert_int_equal(trial.mark, LB_TRIAL_PROVED);

	trial = with(LB_TRIAL_ASIDE);
	assert_int_equal(find(&trial, false), LB_ASIDE_TRIAL);
	assert_int_equal(trial.mark, LB_TRIAL_ASIDE);
}

// The first failed boot leads to a boot aside and another trial, the second to boots aside for good.
static void test_two_boots_that_did_not_complete(void **state)
{
	struct lb_trial trial = with(LB_TRIAL_BEGUN);

	(void)state;
	assert_int_equal(find(&trial, true), LB_ASIDE_TRIAL);
	assert_int_equal(trial.mark, LB_TRIAL_PENDING);
	assert_int_equal(trial.failed, 1);
	assert_string_equal(trial.why, "1 boot on trial did not complete");
	assert_int_equal(find(&trial, true), LB_ASIDE_NOT);
	assert_int_equal(trial.mark, LB_TRIAL_BEGUN);
	assert_int_equal(find(&trial, true), LB_ASIDE_TRIAL);
	assert_int_equal(trial.mark, LB_TRIAL_ASIDE);
	assert_string_equal(trial.why, "2 boots on trial did not complete");
	for (int i = 0; i < 3; i++)
		assert_int_equal(find(&trial, false), LB_ASIDE_TRIAL);
	trial.mark = LB_TRIAL_BEGUN;
	trial.failed = UINT32_MAX;
	assert_int_equal(find(&trial, true), LB_ASIDE_TRIAL);
	assert_int_equal(trial.mark, LB_TRIAL_ASIDE);
}

static void test_no_mark_is_a_trial(void **state)
{
	struct lb_trial trial;

	(void)state;
	lb_trial_first(&trial);
	same(&trial, "mark=begun\nhash=0000000000000000\nfailed=0\npanics=0\n");
}

static void test_another_hash_is_a_trial(void **state)
{
	bool write;

	(void)state;
	for (enum lb_trial_mark mark = LB_TRIAL_PENDING; mark <= LB_TRIAL_ASIDE; mark++) {
		for (uint64_t hash = HASH; hash <= HASH + 1; hash++) {
			const bool begins = mark == LB_TRIAL_PROVED && hash != HASH;
			struct lb_trial trial = with(mark);

			trial.failed = 1;
			lb_trial_know(&trial, hash, &write);
			assert_int_equal(write, begins);
			assert_int_equal(trial.mark, begins ? LB_TRIAL_BEGUN : mark);
			assert_int_equal(trial.hash, HASH);
			assert_int_equal(trial.failed, !begins);
		}
	}
}

static enum lb_trial_aside count(struct lb_trial *trial, const uint8_t *id, bool wanted_write)
{
	bool write = !wanted_write;
	enum lb_trial_aside aside = lb_trial_count(trial, id, &write);

	assert_int_equal(write, wanted_write);
	return aside;
}

static void test_three_panics_in_a_row(void **state)
{
	struct lb_trial trial = with(LB_TRIAL_PROVED);

	(void)state;
	assert_int_equal(count(&trial, ids[0], true), LB_ASIDE_NOT);
	assert_int_equal(count(&trial, ids[0], false), LB_ASIDE_NOT);
	assert_int_equal(count(&trial, ids[1], true), LB_ASIDE_NOT);
	assert_int_equal(count(&trial, ids[0], false), LB_ASIDE_NOT);
	assert_int_equal(trial.panics, 2);
	assert_int_equal(find(&trial, false), LB_ASIDE_NOT);
	assert_int_equal(count(&trial, ids[2], true), LB_ASIDE_PANICS);
	assert_int_equal(count(&trial, ids[2], false), LB_ASIDE_PANICS);
	assert_int_equal(find(&trial, false), LB_ASIDE_PANICS);
	assert_int_equal(trial.panics, LB_TRIAL_PANICS);
	trial.mark = LB_TRIAL_PENDING;
	assert_int_equal(find(&trial, false), LB_ASIDE_PANICS);
	trial.mark = LB_TRIAL_BEGUN; // a boot that did not complete counts first
	assert_int_equal(find(&trial, true), LB_ASIDE_TRIAL);
}

// The newest dumps are remembered as counted, because those can still lie unsaved.
static void test_the_latest_dumps_stay_counted(void **state)
{
	struct lb_trial trial = with(LB_TRIAL_PROVED);

	(void)state;
	for (uint32_t i = 0; i < 12; i++) {
		trial.panics = 0;
		assert_int_equal(count(&trial, ids[i], true), LB_ASIDE_NOT);
		for (uint32_t j = i < LB_TRIAL_COUNTED ? 0 : i + 1 - LB_TRIAL_COUNTED; j <= i; j++)
			count(&trial, ids[j], false);
	}
	assert_int_equal(trial.counted_count, LB_TRIAL_COUNTED);
	assert_memory_equal(trial.counted[0], ids[11], LB_TRIAL_ID);
	assert_memory_equal(trial.counted[LB_TRIAL_COUNTED - 1], ids[4], LB_TRIAL_ID);
}

static void test_a_boot_of_another_system_does_not_count(void **state)
{
	static const enum lb_trial_mark marks[] = {LB_TRIAL_PENDING, LB_TRIAL_PROVED};

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		const struct lb_trial found = {
			.mark = marks[i], .hash = HASH, .failed = 1, .panics = 1, .why = "one"};
		struct lb_trial trial = found;
		bool write;

		find(&trial, marks[i] == LB_TRIAL_PENDING);
		lb_trial_know(&trial, HASH + 1, &write);
		count(&trial, ids[0], true);
		assert_int_equal(trial.mark, LB_TRIAL_BEGUN);
		lb_trial_retreat(&trial, &found);
		assert_int_equal(trial.mark, marks[i]);
		assert_int_equal(trial.hash, HASH);
		assert_int_equal(trial.failed, 1);
		assert_string_equal(trial.why, "one");
		assert_int_equal(trial.panics, 2); // this panic is not the other system's
		count(&trial, ids[0], false);
	}
	{
		struct lb_trial trial;

		lb_trial_first(&trial);
		lb_trial_retreat(&trial, NULL);
		same(&trial, "mark=pending\nhash=0000000000000000\nfailed=0\npanics=0\n");
	}
}

static void test_a_boot_that_completes(void **state)
{
	const struct lb_trial_boot on_trial = {.begun = true,
					       .hash = HASH + 1,
					       .crash = {0x10000000, 0x20000000},
					       .hook = {0x7e000000, 0x7e010000}};
	struct lb_trial_boot boot = on_trial;
	struct lb_trial trial = with(LB_TRIAL_BEGUN);

	(void)state;
	trial.failed = trial.panics = 1;
	assert_true(lb_trial_complete(&trial, &boot));
	same(&trial, "mark=proved\nhash=1122334455667789\nfailed=0\npanics=0\n"
		     "crash=0x10000000-0x20000000\nhook=0x7e000000-0x7e010000\n");
	boot.begun = false; // as in each later boot
	assert_false(lb_trial_complete(&trial, &boot));
	boot.hook.start += 0x1000;
	assert_true(lb_trial_complete(&trial, &boot));
	assert_int_equal(trial.hook.start, 0x7e001000);
	boot.crash = boot.crash_low = boot.hook = (struct lb_range){0, 0}; // a boot that did not arm
	assert_false(lb_trial_complete(&trial, &boot));
	assert_int_equal(trial.hook.start, 0x7e001000);
	trial.panics = 3;
	assert_true(lb_trial_complete(&trial, &boot));
	assert_int_equal(trial.panics, 0);
}

// Only a boot that was on trial itself proves anything.
static void test_what_a_boot_that_completes_does_not_prove(void **state)
{
	(void)state;
	for (int begun = 0; begun < 2; begun++) {
		for (enum lb_trial_mark mark = LB_TRIAL_PENDING; mark <= LB_TRIAL_ASIDE; mark++) {
			const struct lb_trial_boot boot = {.begun = begun, .hash = HASH + 1};
			const bool proves = begun && mark == LB_TRIAL_BEGUN;
			struct lb_trial trial = with(mark);

			assert_int_equal(lb_trial_complete(&trial, &boot), proves);
			assert_int_equal(trial.mark, proves ? LB_TRIAL_PROVED : mark);
			assert_int_equal(trial.hash, HASH + proves);
		}
	}
}

static void test_on(void **state)
{
	(void)state;
	for (enum lb_trial_mark mark = LB_TRIAL_PENDING; mark <= LB_TRIAL_ASIDE; mark++) {
		struct lb_trial trial = with(mark);

		assert_int_equal(lb_trial_renew(&trial), mark != LB_TRIAL_PENDING);
		assert_false(lb_trial_renew(&trial));
		trial.failed = trial.panics = 3;
		trial.hook = (struct lb_range){0x1000, 0x2000};
		assert_true(lb_trial_renew(&trial));
		same(&trial, "mark=pending\nhash=1122334455667788\nfailed=0\npanics=0\nhook=0x1000-0x2000\n");
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(lb_trial_mark_name(LB_TRIAL_ASIDE), "aside");
	assert_string_equal(lb_trial_aside_name(LB_ASIDE_NOT), "");
	assert_string_equal(lb_trial_aside_name(LB_ASIDE_OFF), "off");
	assert_string_equal(lb_trial_aside_name(LB_ASIDE_TRIAL), "trial");
	assert_string_equal(lb_trial_aside_name(LB_ASIDE_PANICS), "panics");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_printed_is_read),
		cmocka_unit_test(test_the_longest_text_has_room),
		cmocka_unit_test(test_what_is_not_known_does_not_count),
		cmocka_unit_test(test_a_text_that_is_none),
		cmocka_unit_test(test_what_a_boot_finds),
		cmocka_unit_test(test_two_boots_that_did_not_complete),
		cmocka_unit_test(test_no_mark_is_a_trial),
		cmocka_unit_test(test_another_hash_is_a_trial),
		cmocka_unit_test(test_three_panics_in_a_row),
		cmocka_unit_test(test_the_latest_dumps_stay_counted),
		cmocka_unit_test(test_a_boot_of_another_system_does_not_count),
		cmocka_unit_test(test_a_boot_that_completes),
		cmocka_unit_test(test_what_a_boot_that_completes_does_not_prove),
		cmocka_unit_test(test_on),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
