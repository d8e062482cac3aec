// SPDX-License-Identifier: BSD-2-Clause
// Makes the second kernel's memory map, which says what RAM that kernel may use.
#ifndef LIFEBOAT_CRASH_PLAN_E820_SECOND_H
#define LIFEBOAT_CRASH_PLAN_E820_SECOND_H

#include "crash/plan/e820.h"

// The regions that were set aside for after the panic.
struct lb_crash_regions {
	struct lb_range crash; // RAM above 1 MiB
	struct lb_range ram; // the part of `crash` that is the second kernel's RAM
	struct lb_range low; // RAM above 1 MiB and beside `crash`, for DMA; may be empty
};

// The most entries that the second map has beyond the saved map's. Both regions and the low 1 MiB are cut out
// of RAM entries, which adds six at most.
#define LB_SECOND_MAP_SPARE 8

// Makes the map. RAM below 1 MiB, `ram` and `low` stay RAM. All other RAM becomes reserved. The rest stays as
// it was. `saved` is tidy; *map is filled and tidy. Refuses a sealed table, regions that are not as said
// above, and a map without RAM below 1 MiB.
#define lb_e820_second(...) lb_e820_second_by(__func__, __VA_ARGS__)
int lb_e820_second_by(const char *caller, const struct lb_e820 *saved, const struct lb_crash_regions *regions,
		      struct lb_e820 *map, struct lb_error *err);

#endif
