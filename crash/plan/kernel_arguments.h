// SPDX-License-Identifier: BSD-2-Clause
// The command lines that the first and the second kernel get: the user's words and ours. All
// are written on success only.
#ifndef LIFEBOAT_CRASH_PLAN_KERNEL_ARGUMENTS_H
#define LIFEBOAT_CRASH_PLAN_KERNEL_ARGUMENTS_H

#include <stdint.h>

#include "crash/plan/cmdline.h"
#include "lib/format.h"

// Makes the first kernel's command line when armed: the user's line without crashkernel= and initrd=FILE
// words. `words` of panic_words.h are inserted before " -- " (or at the end), none of them twice. efi=runtime
// gets ",nosoftreserve" where lb_cmdline_nosoftreserve() holds for the user's words. Refuses words of
// refused_words.h, an open quote and byte 0xa0; the error names the word. `max` is the kernel's cmdline_size.
// `out` holds max + 1 bytes at least.
int lb_cmdline_armed(const char *user, uint32_t words, size_t max, char *out, size_t out_bytes,
		     struct lb_error *err);

// The same for a kernel that somebody else started, and that is about to leave boot services: every word
// of the user's stays. With a crashkernel= among them crash_kexec_post_notifiers is left out, since it
// lowers the odds of the kdump that the memory is for; LB_WORDS_BESIDE_KDUMP puts it all the same.
int lb_cmdline_late(const char *user, uint32_t words, size_t max, char *out, size_t out_bytes,
		    struct lb_error *err);

// The same when unarmed: the user's line, crashkernel= included, without initrd=FILE words.
int lb_cmdline_unarmed(const char *user, size_t max, char *out, size_t out_bytes, struct lb_error *err);

#define LB_CMDLINE_NO5LVL " no5lvl"

// The parts of the second kernel's command line.
struct lb_cmdline_second {
	uint64_t elfcorehdr; // its physical address
	const char *console; // a console= for each word: "", or e.g. "tty0 ttyS0,115200"
	const char *user; // --capture-args
	size_t max; // the second kernel's cmdline_size
};

// elfcorehdr=, our defaults (docs/handoff.md), the consoles, then the user's, which win.
// Leaves room below `max` for LB_CMDLINE_NO5LVL, which the purgatory may append. So it
// refuses "--", an open quote and byte 0xa0, and the user's own elfcorehdr=.
int lb_cmdline_capture(const struct lb_cmdline_second *second, char *out, size_t out_bytes,
		       struct lb_error *err);

#endif
