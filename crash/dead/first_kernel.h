// SPDX-License-Identifier: BSD-2-Clause
// Finds the kernel that died first, where the dead kernel was kdump's: started to save the first kernel's
// memory, and dead before that was done. elfcorehdr= names an ELF core header in RAM, whose notes have the
// first kernel's VMCOREINFO (fs/proc/vmcore.c and kernel/kexec_core.c of Linux).
#ifndef LIFEBOAT_CRASH_DEAD_FIRST_KERNEL_H
#define LIFEBOAT_CRASH_DEAD_FIRST_KERNEL_H

#include "crash/dead/deadmem.h"

struct lb_first_kernel {
	struct lb_deadspace
		space; // with its own top-level page table as CR3, and VMCOREINFO in the caller's text
	uint64_t gs_base; // CPU 0's per-CPU base; 0: not known
};

// Finds the first kernel. `last` is the dead kernel's space, with VMCOREINFO. `text`, of LB_VMCOREINFO_MAX
// bytes, takes the first kernel's VMCOREINFO. False where the dead kernel was not kdump's, or where the
// header cannot be read.
bool lb_first_kernel_find(const struct lb_deadspace *last, char *text, struct lb_first_kernel *ret_first);

#endif
