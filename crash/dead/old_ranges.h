// SPDX-License-Identifier: BSD-2-Clause
// Which physical ranges of old memory are to be mapped, and what a window may show of them:
// the arithmetic of paging.c.
#ifndef LIFEBOAT_CRASH_DEAD_OLD_RANGES_H
#define LIFEBOAT_CRASH_DEAD_OLD_RANGES_H

#include "crash/dead/ram.h"
#include "pgtable/ident.h"

// Lists the places of the content of `ram` in ascending order, neighbours merged, without `crash`, which is
// mapped already. `ret_ranges` has room for ram->count. Returns the number of ranges.
uint32_t lb_old_ranges(const struct lb_ram *ram, struct lb_range crash, struct lb_ident_range *ret_ranges);

// The largest of 2 MiB and 4 KiB for which the naturally aligned block around `phys` is
// RAM throughout; 0 when not even the page is. `ranges`: as above.
uint64_t lb_old_ranges_block(const struct lb_ident_range *ranges, uint32_t count, uint64_t phys);

#endif
