// SPDX-License-Identifier: BSD-2-Clause
// Finds the facts of a dead kernel in its memory, from CR3 and GS base alone. Everything read is hostile:
// every loop is bounded, and an address that is not RAM is not followed. docs/handoff.md says how each fact
// is found.
#ifndef LIFEBOAT_CRASH_DEAD_DEADKERNEL_H
#define LIFEBOAT_CRASH_DEAD_DEADKERNEL_H

#include "crash/dead/facts.h"
#include "lifeboat/handoff.h"

// `gs_base`: MSR GS_BASE at the panic, the CPU's per-CPU base. `text`, of LB_VMCOREINFO_MAX bytes, takes
// VMCOREINFO's text; ret_kernel->space points there. Always returns. The has_ fields say what was found.
void lb_deadkernel_read(const struct lb_deadspace *space, uint64_t gs_base, char *text,
			struct lb_deadkernel *ret_kernel);

// Finds the image and the direct map only. Keeps `space`->vmcoreinfo, and takes KASLR's offset from it.
void lb_deadkernel_open(const struct lb_deadspace *space, struct lb_deadkernel *ret_kernel);

// Synthesises a VMCOREINFO for a kernel that had none yet, into `text` (LB_VMCOREINFO_MAX bytes):
// OSRELEASE=`release`, PAGESIZE, KERNELOFFSET, NUMBER(phys_base), SYMBOL(swapper_pg_dir) if
// known, NUMBER(pgtable_l5_enabled), BUILD-ID. Returns its length.
uint32_t lb_deadkernel_synthesise(const struct lb_deadkernel *kernel, const char *release, char *text);

// Reads the registers that CPU `cpu` saved in crash_notes. False when the CPU saved none.
bool lb_deadkernel_cpu_regs(const struct lb_deadkernel *kernel, uint32_t cpu, struct lb_user_regs *ret_regs,
			    int32_t *ret_pid);

#endif
