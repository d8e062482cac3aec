// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/panic_words.h"

#include "crash/plan/cmdline.h"
#include "crash/plan/refused_words.h"
#include "lib/format.h"

#define NOSOFTRESERVE "efi=runtime,nosoftreserve"

// A member has no pointers, because the hook runs at an address that it was not linked for.
struct member {
	char text[28];
	bool yields; // to what the line says
	char sysctl[20]; // below kernel.: says the same, applied when all of the line was read
};

static const struct member members[LB_WORD_COUNT] = {
	[LB_WORD_PANIC] = {"panic=-1", false, ""},
	[LB_WORD_REBOOT] = {"reboot=efi,cold,panic_warm", false, ""},
	[LB_WORD_NOTIFIERS] = {"crash_kexec_post_notifiers", false, ""},
	[LB_WORD_EFI] = {"efi=runtime", false, ""},
	[LB_WORD_OOPS] = {"oops=panic", true, "panic_on_oops"},
	[LB_WORD_UNKNOWN_NMI] = {"unknown_nmi_panic", true, "unknown_nmi_panic"},
	[LB_WORD_SOFT_LOCKUP] = {"softlockup_panic=1", true, "softlockup_panic"},
	[LB_WORD_HUNG_TASK] = {"hung_task_panic=1", true, "hung_task_panic"},
	[LB_WORD_HARD_LOCKUP] = {"nmi_watchdog=panic", true, "hardlockup_panic"},
};

uint32_t lb_panic_words_of(enum lb_profile profile)
{
	uint32_t words = LB_WORDS_NEEDED | LB_WORD_BIT(LB_WORD_NOTIFIERS);

	if (profile >= LB_PROFILE_SERVER)
		words |= LB_WORD_BIT(LB_WORD_OOPS) | LB_WORD_BIT(LB_WORD_UNKNOWN_NMI);
	if (profile >= LB_PROFILE_STRICT)
		words |= LB_WORD_BIT(LB_WORD_SOFT_LOCKUP) | LB_WORD_BIT(LB_WORD_HUNG_TASK) |
			 LB_WORD_BIT(LB_WORD_HARD_LOCKUP);
	return words;
}

bool lb_panic_words_find(const char *text, uint32_t *ret_words)
{
	for (uint32_t word = 0; word < LB_WORD_COUNT; word++) {
		if (LB_WORDS_NEEDED & LB_WORD_BIT(word) || lb_strcmp(members[word].text, text) != 0)
			continue;
		*ret_words = LB_WORD_BIT(word) | (word == LB_WORD_NOTIFIERS ? LB_WORDS_BESIDE_KDUMP : 0);
		return true;
	}
	return false;
}

// To parse_args() '-' and '_' are the same in a key (kernel/params.c).
static bool same_key(struct lb_word left, struct lb_word right)
{
	if (left.bytes != right.bytes)
		return false;
	for (size_t i = 0; i < left.bytes; i++) {
		char a = left.text[i], b = right.text[i];

		if ((a == '-' ? '_' : a) != (b == '-' ? '_' : b))
			return false;
	}
	return true;
}

const char *lb_panic_word_for(enum lb_panic_word word, const char *user)
{
	const struct member *member = &members[word];
	const char *text =
		word == LB_WORD_EFI && lb_cmdline_nosoftreserve(user) ? NOSOFTRESERVE : member->text;
	struct lb_word key = lb_cmdline_take_apart((struct lb_word){text, lb_strlen(text)}).key, next;
	bool said = false, same = false;
	size_t pos = 0;

	while (lb_cmdline_next(user, &pos, &next)) {
		struct lb_word found = lb_cmdline_take_apart(next).key;

		if (same_key(found, key)) {
			said = true;
			same = lb_word_is(next, text);
		}
		if (member->yields && lb_is_sysctl(found, member->sysctl))
			said = true;
	}
	return same || (said && member->yields) ? NULL : text;
}

void lb_panic_words_print(uint32_t words, char text[LB_PANIC_WORDS_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t word = 0; word < LB_WORD_COUNT; word++)
		if (words & LB_WORD_BIT(word) && used < LB_PANIC_WORDS_TEXT)
			used += lb_snprintf(text + used, LB_PANIC_WORDS_TEXT - used, "%s%s", used ? " " : "",
					    lb_panic_word_for((enum lb_panic_word)word, ""));
}
