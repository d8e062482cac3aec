// SPDX-License-Identifier: BSD-2-Clause
// Refuses words of the user's with which a panic would not reach Lifeboat, or could not be read. Each word is
// judged as the kernel reads it, not as it is spelled.
#ifndef LIFEBOAT_CRASH_PLAN_REFUSED_WORDS_H
#define LIFEBOAT_CRASH_PLAN_REFUSED_WORDS_H

#include "crash/plan/cmdline.h"

// Why this word and an armed boot do not go together; NULL when they do:
//   reboot=              a token that begins with 'f', or with "panic_f" (force)
//   noefi, efi=          a token "noruntime"
//   mem_encrypt=         a token "on"
//   sysctl.kernel.panic= zero in any base and any spelling of the path
// Words that Lifeboat's words override, such as panic=0, are not refused.
const char *lb_refused_word(struct lb_word word);

// The same for what the kernel looks for before it knows of quotes and " -- ", in all of `text`
// (arch/x86/lib/cmdline.c). *ret_word is the word, when there is one.
const char *lb_refused_early(const char *text, struct lb_word *ret_word);

// Is a word of this key the sysctl kernel.`name`, in any spelling of the path? The kernel writes
// it just before it starts init.
bool lb_is_sysctl(struct lb_word key, const char *name);

#endif
