// SPDX-License-Identifier: BSD-2-Clause
// The closed set of words that Lifeboat puts on a first kernel's command line. Whoever configures
// it chooses members; no text of theirs gets there (Documentation/admin-guide/kernel-parameters.txt).
#ifndef LIFEBOAT_CRASH_PLAN_PANIC_WORDS_H
#define LIFEBOAT_CRASH_PLAN_PANIC_WORDS_H

#include <stdbool.h>
#include <stdint.h>

// Words are put in this order.
enum lb_panic_word {
	LB_WORD_PANIC, // panic=-1
	LB_WORD_REBOOT, // reboot=efi,cold,panic_warm
	LB_WORD_NOTIFIERS, // crash_kexec_post_notifiers
	LB_WORD_EFI, // efi=runtime[,nosoftreserve]
	LB_WORD_OOPS, // oops=panic
	LB_WORD_UNKNOWN_NMI, // unknown_nmi_panic
	LB_WORD_SOFT_LOCKUP, // softlockup_panic=1
	LB_WORD_HUNG_TASK, // hung_task_panic=1
	LB_WORD_HARD_LOCKUP, // nmi_watchdog=panic
	LB_WORD_COUNT,
};
#define LB_WORD_BIT(word) (1U << (word))
// Without these a panic does not reach Lifeboat: they are in every set.
#define LB_WORDS_NEEDED (LB_WORD_BIT(LB_WORD_PANIC) | LB_WORD_BIT(LB_WORD_REBOOT) | LB_WORD_BIT(LB_WORD_EFI))
// crash_kexec_post_notifiers was asked for, and is put even on a line that keeps its crashkernel=.
#define LB_WORDS_BESIDE_KDUMP (1U << 31)

// desktop: what a panic needs. server: an oops and an NMI that nobody knows are panics, too.
// strict: so are lockups and hung tasks, from which some machines recover.
enum lb_profile { LB_PROFILE_DESKTOP, LB_PROFILE_SERVER, LB_PROFILE_STRICT };

// Bits of enum lb_panic_word.
uint32_t lb_panic_words_of(enum lb_profile profile);

// The member that an exception may add or leave out, by the text that the command line gets;
// false: there is none, or it is one of LB_WORDS_NEEDED. *ret_words: its bit, with LB_WORDS_BESIDE_KDUMP
// where that belongs to it.
bool lb_panic_words_find(const char *text, uint32_t *ret_words);

// The word that a line whose words are `user` gets of one member; NULL for nothing. The first four are put
// unless the last word of that key says the same. The others are put only where the line is silent: a word
// that it sets itself, also by sysctl.kernel.NAME=, wins.
const char *lb_panic_word_for(enum lb_panic_word word, const char *user);

// The words of a set, parted by blanks, as a line gets them that has none. Cut where `text` has no room.
#define LB_PANIC_WORDS_TEXT 256U
void lb_panic_words_print(uint32_t words, char text[LB_PANIC_WORDS_TEXT]);

#endif
