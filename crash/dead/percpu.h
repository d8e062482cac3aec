// SPDX-License-Identifier: BSD-2-Clause
// The dead kernel's CPUs: __per_cpu_offset[] and the notes each CPU left of its
// registers (crash_notes, kernel/crash_core.c).
//
// A per-CPU variable of CPU n lies at its per-CPU address plus __per_cpu_offset[n], wrapping. A CPU's GS base
// is its __per_cpu_offset[]. The per-CPU address of a unit's beginning is 0 until 6.14; later it is
// __per_cpu_start in the image. Units lie in the direct map or in vmalloc space, so every access is a page
// walk. An element of __per_cpu_offset[] for no CPU keeps its first value: an address in the image, or 0
// since 6.15.
#ifndef LIFEBOAT_CRASH_DEAD_PERCPU_H
#define LIFEBOAT_CRASH_DEAD_PERCPU_H

#include "crash/dead/kallsyms.h"
#include "lifeboat/handoff.h"

// Looks in kallsyms or, where VMCOREINFO lists no such tables, by pattern. Fills has_cpus, this_cpu,
// cpu_count, per_cpu_offset and crash_notes.
void lb_percpu_find(struct lb_deadmem *mem, uint64_t gs_base, struct lb_deadkernel *kernel);

// The same with symbols that are open: __per_cpu_offset and crash_notes are asked for.
void lb_percpu_find_by(struct lb_symbols *symbols, uint64_t gs_base, struct lb_deadkernel *kernel);

// Reads the registers and the pid from the note at `virt`. False unless a whole NT_PRSTATUS is there, with
// the zeroes that end it. A CPU that was not stopped leaves all zeroes.
bool lb_percpu_note(struct lb_deadmem *mem, uint64_t virt, struct lb_user_regs *ret_regs, int32_t *ret_pid);

#endif
