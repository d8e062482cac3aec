// SPDX-License-Identifier: BSD-2-Clause
// Where RAM may appear after arming: in ranges that SRAT calls hot-pluggable and e820_saved does not call
// RAM, and in those that e820_saved calls soft-reserved or persistent. The describe stage looks for RAM
// there.
#ifndef LIFEBOAT_CRASH_PLAN_HOTPLUG_H
#define LIFEBOAT_CRASH_PLAN_HOTPLUG_H

#include "crash/plan/e820.h"
#include "crash/plan/srat.h"

#define LB_HOTADD_SECTION (128 * LB_MIB) // SECTION_SIZE_BITS 27, arch/x86/include/asm/sparsemem.h

// PT_LOADs kept free where the machine has hot-pluggable, soft-reserved or persistent ranges. Each run of
// added memory takes one.
#define LB_HOTADD_SLOTS 64

// Lists the hot-pluggable ranges: whole pages, sorted, disjoint, neighbours merged. The low 1 MiB is not
// listed, because Linux maps it whatever it is. A hole without a whole section (LB_HOTADD_SECTION) cannot get
// memory, and is passed over. So is a special range, where the direct map alone does not tell RAM from a
// device's memory. `saved` is tidy. Returns how many ranges had no room in `capacity`: those found last.
uint32_t lb_hotplug_ranges(const struct lb_srat *srat, const struct lb_e820 *saved,
			   struct lb_range *ret_ranges, uint32_t capacity, uint32_t *ret_count);

// Soft-reserved or persistent: the OS may bring it online as RAM, or leave it to a driver.
static inline bool lb_hotplug_is_special(uint32_t type)
{
	return type == LB_E820_SOFT_RESERVED || type == LB_E820_PMEM;
}

// Returns the number of such bytes in `saved`.
uint64_t lb_hotplug_special_bytes(const struct lb_e820 *saved);

#endif
