// SPDX-License-Identifier: BSD-2-Clause
// Memory that may go away or keeps its content: SRAT's hot-pluggable and non-volatile
// ranges. Source: ACPI 6.5, 5.2.16.2 (Memory Affinity Structure, type 1, 40 bytes).
#ifndef LIFEBOAT_CRASH_PLAN_SRAT_H
#define LIFEBOAT_CRASH_PLAN_SRAT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/range.h"

#define LB_SRAT_MAX_RANGES 128

struct lb_srat_range {
	struct lb_range range; // as the table has it: not necessarily page-aligned
	bool hotplug, nonvolatile; // at least one of them
};

struct lb_srat {
	uint32_t count;
	struct lb_srat_range ranges[LB_SRAT_MAX_RANGES]; // in the table's order
};

// `table` has `bytes`. Ranges that are disabled or empty are passed over. A wrong checksum,
// a range that wraps, an entry that lies about its length, and more than LB_SRAT_MAX_RANGES
// are errors; the last three name the entry.
int lb_srat_read(const void *table, uint64_t bytes, struct lb_srat *ret_srat, struct lb_error *err);

// Lists the ranges that crash memory keeps clear of: the non-volatile ranges, and the hot-pluggable ones
// unless the table marks the memory at 1 MiB, too. That memory cannot go away, because every kernel has its
// image or its trampoline near there. Hyper-V and Azure mark all memory, so in their tables the mark says
// nothing. `ret_ranges` holds LB_SRAT_MAX_RANGES. Returns their number.
uint32_t lb_srat_avoid(const struct lb_srat *srat, struct lb_range *ret_ranges);

#endif
