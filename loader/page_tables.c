// SPDX-License-Identifier: BSD-2-Clause
#include "loader/page_tables.h"

uint32_t lb_page_tables_ranges(const struct lb_plan *plan, struct lb_ident_range *ret_ranges)
{
	uint32_t count = 0;

	ret_ranges[count++] = (struct lb_ident_range){{0, LB_LOW_END}, LB_MEM_WB};
	ret_ranges[count++] = (struct lb_ident_range){plan->layout.region, LB_MEM_WB};
	if (!lb_range_empty(plan->hook_text)) {
		ret_ranges[count++] = (struct lb_ident_range){plan->hook_text, LB_MEM_WB};
		ret_ranges[count++] = (struct lb_ident_range){plan->hook_data, LB_MEM_WB};
	}
	return count;
}

static struct lb_ident_request request(const struct lb_plan *plan, const struct lb_ident_range *ranges,
				       uint32_t count)
{
	return (struct lb_ident_request){
		.ranges = ranges,
		.count = count,
		.phys_bits = plan->machine.phys_bits,
		.gib_pages = plan->machine.gib_pages,
		.root4 = true,
		.root5 = plan->machine.la57,
		.windows = LB_WINDOWS_AT,
	};
}

int lb_page_tables_count(const struct lb_plan *plan, const struct lb_ident_range *ranges, uint32_t count,
			 struct lb_ident_size *ret_size, struct lb_error *err)
{
	struct lb_ident_request wanted = request(plan, ranges, count);
	enum lb_ident_status status = lb_ident_count(&wanted, ret_size);

	if (status != LB_IDENT_OK)
		return lb_fail(err, "page tables: %s", lb_ident_status_text(status));
	return 0;
}

int lb_page_tables_make(const struct lb_plan *plan, const struct lb_ident_range *ranges, uint32_t count,
			struct lb_ident_tables *ret_tables, struct lb_error *err)
{
	struct lb_ident_request wanted = request(plan, ranges, count);
	struct lb_range arena = plan->layout.page_tables;
	enum lb_ident_status status = lb_ident_build(&wanted, (void *)(uintptr_t)arena.start,
						     lb_range_size(arena) / LB_PAGE, arena.start, ret_tables);

	if (status != LB_IDENT_OK)
		return lb_fail(err, "page tables: %s", lb_ident_status_text(status));
	return 0;
}
