// SPDX-License-Identifier: BSD-2-Clause
// Where RAM may appear after arming: what SRAT calls hot-pluggable and e820_saved does
// not call RAM. The describe stage looks for it there.
#ifndef LIFEBOAT_CRASH_HOTPLUG_H
#define LIFEBOAT_CRASH_HOTPLUG_H

#include "crash/e820.h"
#include "crash/srat.h"

// Whole pages only; sorted, disjoint, neighbours merged. `saved` is tidy. More than
// `capacity` ranges is an error.
int lb_hotplug_ranges(const struct lb_srat *srat, const struct lb_e820 *saved, struct lb_range *ret_ranges,
		      uint32_t capacity, uint32_t *ret_count, struct lb_error *err);

#endif
