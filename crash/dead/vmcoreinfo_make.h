// SPDX-License-Identifier: BSD-2-Clause
// A complete VMCOREINFO for a kernel that died before it wrote its own (its subsys_initcall()s):
// the same keys and values, out of kallsyms and BTF in its image.
// Source of the keys: kernel/crash_core.c, kernel/vmcore_info.c, arch/x86/kernel/vmcore_info_64.c,
// kernel/printk/printk.c.
#ifndef LIFEBOAT_CRASH_DEAD_VMCOREINFO_MAKE_H
#define LIFEBOAT_CRASH_DEAD_VMCOREINFO_MAKE_H

#include "crash/dead/vmcoreinfo_rules.h"

struct lb_vmcoreinfo_made {
	uint32_t bytes; // of the text
	uint32_t keys;
	uint32_t left_out; // keys that such a kernel may write, and whose value nothing tells
	char why[240]; // what could not be read at all, else those keys' names; empty: nothing is missing
};

// Is this the kernel's own text, or one that lb_vmcoreinfo_make() made? The one that
// lb_deadkernel_synthesise() writes has hardly a key.
bool lb_vmcoreinfo_is_whole(const struct lb_vmcoreinfo *info);

// Makes the text, of at most LB_VMCOREINFO_MAX bytes, from `kernel`: has_text, and space.vmcoreinfo
// as lb_deadkernel_synthesise() made it, whose OSRELEASE and BUILD-ID are taken over. `text` must
// not be that one. `work` is memory for it; symbols and BTF stay open in it, for further questions.
// -1, with nothing made: without kallsyms there is nothing to say.
int lb_vmcoreinfo_make(const struct lb_deadkernel *kernel, struct lb_vmcoreinfo_work *work, char *text,
		       struct lb_vmcoreinfo_made *ret_made, struct lb_error *err);

#endif
