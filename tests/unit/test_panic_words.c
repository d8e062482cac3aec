// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/panic_words.h"

#include "unit.h"

#include <string.h>

static const char *const texts[LB_WORD_COUNT] = {
	"panic=-1",          "reboot=efi,cold,panic_warm", "crash_kexec_post_notifiers", "efi=runtime",
	"oops=panic",        "unknown_nmi_panic",          "softlockup_panic=1",         "hung_task_panic=1",
	"nmi_watchdog=panic"};

static void check(enum lb_panic_word word, const char *user, const char *wanted)
{
	const char *found = lb_panic_word_for(word, user);

	if (!found != !wanted)
		fail_msg("\"%s\" and %s: %s", user, texts[word], found ? found : "nothing");
	if (wanted)
		assert_string_equal(found, wanted);
}

static void test_an_empty_line_gets_each(void **state)
{
	(void)state;
	for (int word = 0; word < LB_WORD_COUNT; word++) {
		check(word, "", texts[word]);
		check(word, "quiet -- panic=-1 oops=no softlockup_panic=0", texts[word]);
		check(word, texts[word], NULL);
	}
}

// Without these words no panic reaches Lifeboat, so its own must be the last.
static void test_the_last_of_what_is_needed_is_ours(void **state)
{
	(void)state;
	check(LB_WORD_PANIC, "panic=0", "panic=-1");
	check(LB_WORD_PANIC, "panic=-1 panic=5", "panic=-1");
	check(LB_WORD_PANIC, "panic=5 panic=-1", NULL);
	check(LB_WORD_PANIC, "panic=\"-1\"", "panic=-1"); // a second one does no harm
	check(LB_WORD_REBOOT, "reboot=efi,cold,panic_warm reboot=pci", "reboot=efi,cold,panic_warm");
	check(LB_WORD_NOTIFIERS, "crash_kexec_post_notifiers=n", "crash_kexec_post_notifiers");
	check(LB_WORD_NOTIFIERS, "crash-kexec-post-notifiers", "crash_kexec_post_notifiers");
	check(LB_WORD_EFI, "efi=debug", "efi=runtime");
	check(LB_WORD_EFI, "efi=debug,nosoftreserve", "efi=runtime,nosoftreserve");
	check(LB_WORD_EFI, "efi=runtime,nosoftreserve", NULL);
	check(LB_WORD_EFI, "efi=nosoftreserve efi=runtime", NULL);
}

static void test_what_the_line_says_of_the_rest_wins(void **state)
{
	(void)state;
	check(LB_WORD_OOPS, "oops=warn", NULL);
	check(LB_WORD_OOPS, "sysctl.kernel.panic_on_oops=0", NULL);
	check(LB_WORD_OOPS, "xoops=1 oopsy sysctl.kernel.panic_on_oops_x=0", "oops=panic");
	check(LB_WORD_UNKNOWN_NMI, "sysctl/kernel/unknown_nmi_panic=0", NULL);
	check(LB_WORD_UNKNOWN_NMI, "unknown-nmi-panic", NULL);
	check(LB_WORD_SOFT_LOCKUP, "softlockup_panic=0", NULL);
	check(LB_WORD_SOFT_LOCKUP, "softlockup-panic=0", NULL);
	check(LB_WORD_SOFT_LOCKUP, "sysctl.kernel.softlockup_panic=0", NULL);
	check(LB_WORD_SOFT_LOCKUP, "hung_task_panic=0", "softlockup_panic=1");
	check(LB_WORD_HUNG_TASK, "hung_task_panic=0", NULL);
	check(LB_WORD_HARD_LOCKUP, "nmi_watchdog=0", NULL);
	check(LB_WORD_HARD_LOCKUP, "nmi_watchdog=nopanic", NULL);
	// With nowatchdog the word has no effect, and does no harm.
	check(LB_WORD_HARD_LOCKUP, "nowatchdog", "nmi_watchdog=panic");
}

static void test_profiles(void **state)
{
	const uint32_t desktop = lb_panic_words_of(LB_PROFILE_DESKTOP);
	const uint32_t server = lb_panic_words_of(LB_PROFILE_SERVER);

	(void)state;
	assert_int_equal(desktop, (1 << LB_WORD_OOPS) - 1);
	assert_int_equal(server, desktop | LB_WORD_BIT(LB_WORD_OOPS) | LB_WORD_BIT(LB_WORD_UNKNOWN_NMI));
	assert_int_equal(lb_panic_words_of(LB_PROFILE_STRICT), (1 << LB_WORD_COUNT) - 1);
	assert_int_equal(desktop & LB_WORDS_NEEDED, LB_WORDS_NEEDED);
}

static void test_only_members_are_chosen(void **state)
{
	static const char *const bad[] = {
		"",          "panic=-1",    "reboot=efi,cold,panic_warm", "efi=runtime",
		"oops=pani", "oops=panicx", "softlockup_panic=2"};
	uint32_t words = 0x5a5a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(lb_panic_words_find(bad[i], &words));
	assert_int_equal(words, 0x5a5a);
	for (int word = LB_WORD_OOPS; word < LB_WORD_COUNT; word++) {
		assert_true(lb_panic_words_find(texts[word], &words));
		assert_int_equal(words, LB_WORD_BIT(word));
	}
	assert_true(lb_panic_words_find(texts[LB_WORD_NOTIFIERS], &words));
	assert_int_equal(words, LB_WORD_BIT(LB_WORD_NOTIFIERS) | LB_WORDS_BESIDE_KDUMP);
}

static void test_a_set_as_text(void **state)
{
	char text[LB_PANIC_WORDS_TEXT];

	(void)state;
	lb_panic_words_print(0, text);
	assert_string_equal(text, "");
	lb_panic_words_print(lb_panic_words_of(LB_PROFILE_SERVER) | LB_WORDS_BESIDE_KDUMP, text);
	assert_string_equal(text,
			    "panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime "
			    "oops=panic unknown_nmi_panic");
	lb_panic_words_print(LB_WORD_BIT(LB_WORD_HARD_LOCKUP), text);
	assert_string_equal(text, "nmi_watchdog=panic");
	lb_panic_words_print(UINT32_MAX, text);
	assert_true(strlen(text) + 1 < sizeof(text));
	assert_non_null(strstr(text, " nmi_watchdog=panic"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_empty_line_gets_each),
		cmocka_unit_test(test_the_last_of_what_is_needed_is_ours),
		cmocka_unit_test(test_what_the_line_says_of_the_rest_wins),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_only_members_are_chosen),
		cmocka_unit_test(test_a_set_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
