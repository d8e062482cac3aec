// SPDX-License-Identifier: BSD-2-Clause
// Kernel command lines taken apart: words, quotes as lib/cmdline.c sees them, and the " -- "
// that ends the kernel's part.
#ifndef LIFEBOAT_CRASH_PLAN_CMDLINE_H
#define LIFEBOAT_CRASH_PLAN_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

// A part of a command line, where it stands.
struct lb_word {
	const char *text;
	size_t bytes;
};
bool lb_word_is(struct lb_word word, const char *wanted);

// The next word of `text` from *pos on, before "--"; double quotes keep spaces
// together. False at the end or at "--": *pos is then where "--" begins, or the
// terminating NUL. Words are returned with their quotes.
bool lb_cmdline_next(const char *text, size_t *pos, struct lb_word *ret_word);
// The same. *ret_open: does the text end inside a quote of this word?
bool lb_cmdline_next_open(const char *text, size_t *pos, struct lb_word *ret_word, bool *ret_open);

// "key" or "key=value", less the quotes around all of it or around the value, as next_arg()
// in lib/cmdline.c strips them. The value of a bare "key" is "".
struct lb_argument {
	struct lb_word key, value;
	bool has_value; // an '=', though the value may be ""
};
struct lb_argument lb_cmdline_take_apart(struct lb_word word);

// Does one of the comma-separated tokens of `value` satisfy `test`?
bool lb_cmdline_any_token(struct lb_word value, bool (*test)(struct lb_word token));

// The value of the next "key=value" word from *pos on ("" for a bare "key"), less the
// quotes around it; false if there is none.
bool lb_cmdline_next_value(const char *text, const char *key, size_t *pos, struct lb_word *ret_value);

// The value of the last "key=value" word ("" for a bare "key"), less the quotes
// around it; false if absent.
bool lb_cmdline_last(const char *text, const char *key, struct lb_word *ret_value);

// Does the kernel's stub take soft-reserved memory for ordinary RAM? It does when the last
// "efi=" has a token "nosoftreserve" (efi_parse_options() in libstub/efi-stub-helper.c).
bool lb_cmdline_nosoftreserve(const char *text);

// Does the value of an initrd= word name a file? No for the numeric form
// "initrd=ADDRESS,SIZE", which is the kernel's own and stays on its command line.
bool lb_cmdline_is_initrd_file(struct lb_word value);

#endif
