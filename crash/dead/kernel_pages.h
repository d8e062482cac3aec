// SPDX-License-Identifier: BSD-2-Clause
// Which of a dead kernel's pages are its own: those that a debugger needs to open a dump of it and to show a
// backtrace, and few others. They are written first, so that a dump that was cut off is worth opening.
//
//   found by walking its page tables     image, vmalloc space (stacks, modules, late per-CPU areas),
//                                        exception stacks, and the tables themselves
//   said by its struct pages             slab (task structs, pids), and what was reserved at boot
//                                        (per-CPU areas, mem_section, nodes, image)
//
// The array of struct pages itself is none of them: it is large, and a backtrace needs nothing of it.
// Which flag means "reserved" VMCOREINFO does not say: it is the one flag of the image's struct pages.
#ifndef LIFEBOAT_CRASH_DEAD_KERNEL_PAGES_H
#define LIFEBOAT_CRASH_DEAD_KERNEL_PAGES_H

#include "crash/dead/deadmem.h"
#include "crash/dead/ram.h"
#include "lib/format.h"

// The least memory it works in; what is beyond holds lists of frames, 8 bytes each at most.
#define LB_KERNEL_PAGES_BYTES (64 * LB_KIB)
// Page tables that are read: 256 MiB of them. Of tables that are made to keep us busy, the rest is left.
#define LB_KERNEL_PAGES_TABLES (1U << 16)

struct lb_kernel_pages;

// Opens in `memory` of `bytes` (LB_KERNEL_PAGES_BYTES and up, page-aligned), which is its own from then on.
// `dead`->mem and `ram` must outlive it. Fails, naming the key, where VMCOREINFO lacks one.
int lb_kernel_pages_open(void *memory, uint64_t bytes, const struct lb_deadspace *dead,
			 const struct lb_ram *ram, struct lb_kernel_pages **ret_pages, struct lb_error *err);

// The facts that were found while it was opened.
struct lb_kernel_pages_facts {
	uint64_t tables; // page tables
	bool knows_reserved; // else what was reserved at boot is not among them
	bool cut; // there was more than the memory has room for
};
struct lb_kernel_pages_facts lb_kernel_pages_facts(const struct lb_kernel_pages *pages);

// Begins at frame 0 again.
void lb_kernel_pages_rewind(struct lb_kernel_pages *pages);
// Judges the next `frames` page frames (a multiple of 8), in order from 0: clears the bits in `bits` of
// those that are not the kernel's own (bit 0 of byte 0 first).
void lb_kernel_pages_keep(struct lb_kernel_pages *pages, uint64_t frames, uint8_t *bits);

#endif
