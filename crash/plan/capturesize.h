// SPDX-License-Identifier: BSD-2-Clause
// How much crash memory the built-in capture kernel takes, and how many CPUs go with it.
#ifndef LIFEBOAT_CRASH_PLAN_CAPTURESIZE_H
#define LIFEBOAT_CRASH_PLAN_CAPTURESIZE_H

#include "lib/format.h"
#include "lifeboat/range.h"

// What `auto` stays between. The first leaves the smallest machine something to spare.
#define LB_CAPTURE_MIN (8 * LB_MIB)
#define LB_CAPTURE_MAX (16 * LB_MIB)

// Tables that map all RAM, in bytes; where they take more, a window slides instead.
#define LB_CAPTURE_TABLES_MAX (4 * LB_MIB)

// The terms, in bytes, for the plan.
struct lb_capture_size {
	uint64_t contents; // lb_layout_minimum(): image, purgatory, tables, backup, ...
	uint64_t buffers; // writes in flight
	uint64_t helpers; // contexts of the compressor and batches of pages, for `cpus`
	uint64_t tables; // to map RAM; 0: a window slides
	uint64_t slack; // queues of the disk, the filter, lists, stacks
	uint64_t total; // a multiple of 2 MiB, at most the limit
	uint32_t cpus; // that may compress, 1 and up
};

// What `contents` and the heap behind it take for up to `cpus` CPUs, where tables for
// mapping RAM are `tables` bytes. Above `limit` (a multiple of 2 MiB) CPUs are given up
// first, then the tables; what one CPU with a window takes has to fit.
int lb_capture_size(uint64_t contents, uint64_t tables, uint32_t cpus, uint64_t limit,
		    struct lb_capture_size *ret_size, struct lb_error *err);

#endif
