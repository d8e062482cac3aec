// SPDX-License-Identifier: BSD-2-Clause
// The crash page tables. One list of ranges says what they map; it is counted for the plan and built when
// armed.
#ifndef LIFEBOAT_LOADER_PAGE_TABLES_H
#define LIFEBOAT_LOADER_PAGE_TABLES_H

#include "crash/plan/layout.h"
#include "loader/machine.h"
#include "pgtable/ident.h"

// The low 1 MiB, the crash region, the hook's text and data.
#define LB_MAPPED_RANGES 4

// The ranges that the tables map, and what the CPU can do.
struct lb_mapped {
	uint32_t count;
	struct lb_ident_range ranges[LB_MAPPED_RANGES];
	uint32_t phys_bits;
	bool gib_pages, la57;
};

// `hook_text` and `hook_data` are empty as long as the hook is not loaded.
struct lb_mapped lb_page_tables_mapped(const struct lb_machine *machine, struct lb_range region,
				       struct lb_range hook_text, struct lb_range hook_data);

int lb_page_tables_count(const struct lb_mapped *mapped, struct lb_ident_size *ret_size,
			 struct lb_error *err);

// Builds the tables in `arena`, physical memory that is zero and page-aligned.
int lb_page_tables_build(const struct lb_mapped *mapped, struct lb_range arena,
			 struct lb_ident_tables *ret_tables, struct lb_error *err);

#endif
