// SPDX-License-Identifier: BSD-2-Clause
// What the crash page tables map: one list, counted for the plan, built when armed.
#ifndef LIFEBOAT_LOADER_PAGE_TABLES_H
#define LIFEBOAT_LOADER_PAGE_TABLES_H

#include "loader/plan.h"

// Low 1 MiB, crash region, the hook's text and data.
#define LB_PLAN_RANGES 4
// What the hook's image takes beyond the rest, at worst: it may straddle 2 MiB (two
// PTs), in a GiB of its own (a PD), or straddle that (another).
#define LB_HOOK_TABLES 4
// What one PDPT reaches, and how far an identity map with a 4-level root goes (SDM 1 3.3.7.1).
#define LB_PDPT_BYTES (512 * LB_GIB)
#define LB_END_OF_4LEVEL (1ULL << 47)
// The two windows: behind the low 1 MiB, in its page table's upper half.
#define LB_WINDOWS_AT (2 * LB_MIB - 2 * LB_PAGE)

// Fills `ret_ranges` (LB_PLAN_RANGES); without the hook's as long as it is not loaded.
uint32_t lb_page_tables_ranges(const struct lb_plan *plan, struct lb_ident_range *ret_ranges);

int lb_page_tables_count(const struct lb_plan *plan, const struct lb_ident_range *ranges, uint32_t count,
			 struct lb_ident_size *ret_size, struct lb_error *err);

// Builds into the layout's page-table arena.
int lb_page_tables_make(const struct lb_plan *plan, const struct lb_ident_range *ranges, uint32_t count,
			struct lb_ident_tables *ret_tables, struct lb_error *err);

#endif
