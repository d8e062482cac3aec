// SPDX-License-Identifier: BSD-2-Clause
#include "loader/page_tables.h"

#include "crash/plan/layout.h"

static void add(struct lb_mapped *mapped, struct lb_range range)
{
	if (!lb_range_empty(range))
		mapped->ranges[mapped->count++] = (struct lb_ident_range){range, LB_MEM_WB};
}

struct lb_mapped lb_page_tables_mapped(const struct lb_machine *machine, struct lb_range region,
				       struct lb_range hook_text, struct lb_range hook_data)
{
	struct lb_mapped mapped = {
		.phys_bits = machine->phys_bits,
		.gib_pages = machine->gib_pages,
		.la57 = machine->la57,
	};

	add(&mapped, (struct lb_range){0, LB_LOW_END});
	add(&mapped, region);
	add(&mapped, hook_text);
	add(&mapped, hook_data);
	return mapped;
}

static struct lb_ident_request request(const struct lb_mapped *mapped)
{
	return (struct lb_ident_request){
		.ranges = mapped->ranges,
		.count = mapped->count,
		.phys_bits = mapped->phys_bits,
		.gib_pages = mapped->gib_pages,
		.root4 = true,
		.root5 = mapped->la57,
		.windows = LB_WINDOWS_AT,
	};
}

int lb_page_tables_count(const struct lb_mapped *mapped, struct lb_ident_size *ret_size, struct lb_error *err)
{
	struct lb_ident_request wanted = request(mapped);
	enum lb_ident_status status = lb_ident_count(&wanted, ret_size);

	if (status != LB_IDENT_OK)
		return lb_fail(err, "page tables: %s", lb_ident_status_text(status));
	return 0;
}

int lb_page_tables_build(const struct lb_mapped *mapped, struct lb_range arena,
			 struct lb_ident_tables *ret_tables, struct lb_error *err)
{
	struct lb_ident_request wanted = request(mapped);
	enum lb_ident_status status = lb_ident_build(&wanted, (void *)(uintptr_t)arena.start,
						     lb_range_size(arena) / LB_PAGE, arena.start, ret_tables);

	if (status != LB_IDENT_OK)
		return lb_fail(err, "page tables: %s", lb_ident_status_text(status));
	return 0;
}
