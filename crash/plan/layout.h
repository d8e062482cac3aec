// SPDX-License-Identifier: BSD-2-Clause
// Crash memory, bottom up. Each part is 4 KiB aligned, the region 2 MiB.
//
//   region.start ┌────────────────────────┐ ┐
//                │ second kernel          │ │ init_size bytes, at kernel_alignment
//                ├────────────────────────┤ │
//                │ (free)                 │ │ RAM of
//                ├────────────────────────┤ │ the second
//                │ its initrd             │ │ kernel
//                │ boot_params            │ │
//                │ setup_data             │ │ e820 entries from the 129th on
//                │ command line           │ │
//        tail ── ├────────────────────────┤ ┘ ┐
//                │ page tables            │   │
//                │ purgatory text         │   │
//                │ purgatory data, stacks │   │ not RAM: it would be overwritten,
//                │ handoff, sealed        │   │ or refused by /proc/vmcore
//                │ handoff, live          │   │
//                │ capture                │   │ the built-in capture kernel's only
//                │ e820_saved             │   │
//                │ elfcorehdr             │   │
//                │ notes                  │   │
//                │ backup of the low 1 MiB│   │
//     region.end └────────────────────────┘   ┘
#ifndef LIFEBOAT_CRASH_PLAN_LAYOUT_H
#define LIFEBOAT_CRASH_PLAN_LAYOUT_H

#include "crash/plan/e820.h"
#include "lib/format.h"
#include "lifeboat/range.h"

// The contents, in bytes unless said otherwise. All of them are known before anything is reserved.
struct lb_layout_need {
	uint64_t kernel; // init_size; of the built-in capture kernel all it has without a heap
	uint64_t initrd; // 0: none
	uint64_t setup_data; // 0: none
	uint64_t cmdline; // with NUL and room for " no5lvl"
	uint64_t page_tables; // upper bound
	uint64_t purgatory_text;
	uint64_t purgatory_total;
	uint64_t capture; // struct lb_capture_config; 0: the second kernel is a Linux
	uint64_t e820_saved;
	uint64_t elfcorehdr;
	uint64_t notes;
	uint64_t backup; // RAM below 1 MiB
};

struct lb_layout {
	struct lb_range region;
	struct lb_range ram; // [region.start, tail)
	struct lb_range kernel, initrd, boot_params, setup_data, cmdline;
	struct lb_range free; // between kernel and initrd: the built-in capture kernel's heap
	struct lb_range page_tables, purgatory_text, purgatory_data;
	struct lb_range handoff, live, capture, e820_saved, elfcorehdr, notes, backup;
};

// The two windows of the crash page tables lie behind the low 1 MiB, in its page table's upper half. Nothing
// of the layout itself lies there.
#define LB_WINDOWS_AT (2 * LB_MIB - 2 * LB_PAGE)

// The most pages of tables that the hook's image takes beyond the rest. The image may straddle a 2 MiB border
// (two PTs), in a GiB of its own (a PD), or straddle a GiB border (another PD).
#define LB_HOOK_TABLES 4

// The most bytes that tables for a region of `bytes` take, wherever in RAM it and the hook's image end up.
uint64_t lb_layout_tables_bound(const struct lb_e820 *saved, uint64_t bytes);

// Computes the bytes of everything but free memory for the second kernel to run in.
int lb_layout_minimum(const struct lb_layout_need *need, uint64_t *ret_bytes, struct lb_error *err);

// The terms of what `auto` reserves for a Linux (crash/plan/capturesize.h has those of the built-in capture
// kernel): the minimum, the initrd unpacked, and the second kernel's own need; rounded up to 2 MiB. Each
// term is returned for the plan.
struct lb_layout_auto {
	uint64_t minimum;
	uint64_t unpacked_initrd; // estimate: packed size times 4
	uint64_t sections; // memmap and section tables for what is RAM in it
	uint64_t run; // per-CPU memory, drivers, page cache, makedumpfile
	uint64_t total;
};
int lb_layout_auto(const struct lb_layout_need *need, struct lb_layout_auto *ret_auto, struct lb_error *err);

// The bytes of the low region that goes with a region above 4 GiB, where crashkernel=,low gives no size. The
// second kernel needs memory below 4 GiB for three things. Bounce buffers (swiotlb) take 64 MiB whenever
// there is RAM above 4 GiB. The kernel adds 8 MiB to them for the pages around. Drivers of 32-bit devices,
// the memory map of these 96 MiB and the DMA pools take 24 MiB. The kernel's own default, 256 MiB, is made
// for machines that load all drivers.
#define LB_LAYOUT_LOW_BYTES (96 * LB_MIB)

// Lays everything out inside `region`. The error says how much more it takes.
int lb_layout(const struct lb_layout_need *need, struct lb_range region, struct lb_layout *ret_layout,
	      struct lb_error *err);

#endif
