// SPDX-License-Identifier: BSD-2-Clause
// Kernel command lines: words, quotes as lib/cmdline.c sees them, and the " -- "
// that ends the kernel's part.
#ifndef LIFEBOAT_CRASH_PLAN_CMDLINE_H
#define LIFEBOAT_CRASH_PLAN_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/format.h"

// The next word of `text` from *pos on, before "--"; double quotes keep spaces
// together. False at the end or at "--": *pos is then where "--" begins, or the
// terminating NUL. Words are returned with their quotes.
struct lb_word {
	const char *text;
	size_t bytes;
};
bool lb_cmdline_next(const char *text, size_t *pos, struct lb_word *ret_word);

// The value of the next "key=value" word from *pos on ("" for a bare "key"), less the
// quotes around it; false if there is none.
bool lb_cmdline_next_value(const char *text, const char *key, size_t *pos, struct lb_word *ret_value);

// The value of the last "key=value" word ("" for a bare "key"), less the quotes
// around it; false if absent.
bool lb_cmdline_last(const char *text, const char *key, struct lb_word *ret_value);

// Does the kernel's stub take soft-reserved memory for ordinary RAM, "efi=nosoftreserve"?
bool lb_cmdline_nosoftreserve(const char *text);

// Does the value of an initrd= word name a file? No for the numeric form
// "initrd=ADDRESS,SIZE", which is the kernel's own and stays on its command line.
bool lb_cmdline_is_initrd_file(struct lb_word value);

// The first kernel's command line when armed: the user's, less crashkernel= and
// initrd=FILE words, with our words inserted before " -- " (or at the end), where
// they win over the user's:
//   panic=-1 reboot=efi,cold,panic_warm crash_kexec_post_notifiers efi=runtime [oops=panic]
// Refuses, naming the word: reboot= with a token starting with 'f' (force skips
// stopping the other CPUs), noefi, efi=noruntime, mem_encrypt=on, sysctl.kernel.panic=0, an open quote.
// `max` is the kernel's cmdline_size. `out` holds max + 1 bytes at least.
// Written only on success, here and below.
int lb_cmdline_armed(const char *user, bool oops_panic, size_t max, char *out, size_t out_bytes,
		     struct lb_error *err);

// The same unarmed: the user's, crashkernel= included, less initrd=FILE words.
int lb_cmdline_unarmed(const char *user, size_t max, char *out, size_t out_bytes, struct lb_error *err);

// The second kernel's: elfcorehdr=, our defaults (docs/handoff.md), a console= for
// each of the words in `console` ("" or e.g. "tty0 ttyS0,115200"), then the user's
// --capture-args, which win. Leaves room below `max` for LB_CMDLINE_NO5LVL, which
// the purgatory may append; that is why "--" and an open quote are refused here, 0xa0 too.
#define LB_CMDLINE_NO5LVL " no5lvl"
int lb_cmdline_capture(uint64_t elfcorehdr, const char *console, const char *user, size_t max, char *out,
		       size_t out_bytes, struct lb_error *err);

#endif
