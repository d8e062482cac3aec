// SPDX-License-Identifier: BSD-2-Clause
// Finds memory that e820_saved calls soft-reserved or persistent, and that the dead kernel used as RAM:
// brought online later (the driver kmem, on CXL memory or HBM), or RAM from the beginning
// (efi=nosoftreserve). The direct map does not tell, because it has a device's memory, too. The flags of the
// dead kernel's sections tell. Source: include/linux/mmzone.h, pfn_to_online_page() in mm/memory_hotplug.c of
// 5.10 to 7.0.
#ifndef LIFEBOAT_CRASH_DEAD_SPECIAL_H
#define LIFEBOAT_CRASH_DEAD_SPECIAL_H

#include "crash/dead/facts.h"
#include "crash/plan/e820.h"

#define LB_SPECIAL_MAX 32 // ranges that can be kept; neighbours are one
#define LB_SPECIAL_SECTIONS (1U << 20) // looked at before the rest is unknown: 128 TiB

struct lb_special {
	struct lb_range ranges[LB_SPECIAL_MAX]; // whole pages, ascending, disjoint
	uint32_t count;
	uint64_t missing_bytes; // used, and there was no room for the range
	uint64_t unknown_bytes; // it could not be read whether it was used
};

// `entries`: e820_saved, tidy. Always returns. The flags are believed only where the section of the
// dead kernel's own text has those of RAM that is in use. To be intersected with what the
// direct map shows: lb_hotadd_find().
void lb_special_find(const struct lb_deadkernel *dead, const struct boot_e820_entry *entries, uint32_t count,
		     struct lb_special *ret_special);

#endif
