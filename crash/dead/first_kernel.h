// SPDX-License-Identifier: BSD-2-Clause
// The kernel that died first, where the dead one was kdump's: started to save its memory, and dead before it could.
// What kdump was told of it (elfcorehdr=) is an ELF core header in RAM, whose notes have its VMCOREINFO
// (fs/proc/vmcore.c and kernel/kexec_core.c of Linux).
#ifndef LIFEBOAT_CRASH_DEAD_FIRST_KERNEL_H
#define LIFEBOAT_CRASH_DEAD_FIRST_KERNEL_H

#include "crash/dead/deadmem.h"

struct lb_first_kernel {
	struct lb_deadspace
		space; // with its own top-level page table as CR3, and VMCOREINFO in the caller's text
	uint64_t gs_base; // CPU 0's per-CPU base; 0: not known
};

// `last` is the space of the dead kernel, with its VMCOREINFO. `text`, of LB_VMCOREINFO_MAX bytes, takes that of
// the first kernel. False where the dead kernel was none of kdump's, or where what it was told cannot be read.
bool lb_first_kernel_find(const struct lb_deadspace *last, char *text, struct lb_first_kernel *ret_first);

#endif
