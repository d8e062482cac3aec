// SPDX-License-Identifier: BSD-2-Clause
// Finds the dead kernel's own pages: those that a debugger needs to open the dump and to show a backtrace,
// and few others. They are written first, so that a dump that was cut off can be opened.
//
//   found by walking its page tables     image, vmalloc space (stacks, modules, late per-CPU areas),
//                                        exception stacks, and the tables themselves
//   said by its struct pages             slab (task structs, pids), and what was reserved at boot
//                                        (per-CPU areas, mem_section, nodes, image)
//
// The array of struct pages itself is none of them: it is large, and a backtrace needs nothing of it.
// VMCOREINFO does not say which flag means "reserved". It is the one flag of the image's struct pages.
#ifndef LIFEBOAT_CRASH_DEAD_KERNEL_PAGES_H
#define LIFEBOAT_CRASH_DEAD_KERNEL_PAGES_H

#include "crash/dead/deadmem.h"
#include "crash/dead/ram.h"
#include "lib/format.h"

// The least memory that is needed. Memory beyond holds lists of frames, at most 8 bytes for each frame.
#define LB_KERNEL_PAGES_BYTES (64 * LB_KIB)
// The most page tables that are read, 256 MiB of them. Hostile tables may be more; the rest is not read.
#define LB_KERNEL_PAGES_TABLES (1U << 16)

struct lb_kernel_pages;

// Opens `*ret_pages` in `memory` of `bytes` (LB_KERNEL_PAGES_BYTES and up, page-aligned), which must not
// be used otherwise. `dead`->mem and `ram` must outlive it. Fails where VMCOREINFO lacks a key; the error
// names the key.
int lb_kernel_pages_open(void *memory, uint64_t bytes, const struct lb_deadspace *dead,
			 const struct lb_ram *ram, struct lb_kernel_pages **ret_pages, struct lb_error *err);

// The facts that were found while it was opened.
struct lb_kernel_pages_facts {
	uint64_t tables; // page tables
	bool knows_reserved; // false: pages that were reserved at boot are not among the own ones
	bool cut; // there was more than the memory has room for
};
struct lb_kernel_pages_facts lb_kernel_pages_facts(const struct lb_kernel_pages *pages);

// Begins at frame 0 again.
void lb_kernel_pages_rewind(struct lb_kernel_pages *pages);
// Judges the next `frames` page frames (a multiple of 8), in order from 0: clears the bits in `bits` of
// those that are not the kernel's own (bit 0 of byte 0 first).
void lb_kernel_pages_keep(struct lb_kernel_pages *pages, uint64_t frames, uint8_t *bits);

#endif
