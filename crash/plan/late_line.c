// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/late_line.h"

#include "crash/plan/kernel_arguments.h"
#include "lib/mem.h"

static void set_line(struct boot_params *params, uint64_t phys)
{
	params->hdr.cmd_line_ptr = (uint32_t)phys;
	params->ext_cmd_line_ptr = (uint32_t)(phys >> 32);
}

int lb_late_line_make(const struct lb_found_linuxes *found, uint32_t words, struct lb_late_lines *lines)
{
	if (found->count == 0 || found->unclear)
		return -1;
	for (uint32_t i = 0; i < found->count; i++) {
		char *out = i == 0 ? lines->first : lines->made;

		if (lb_cmdline_late(found->list[i].line, words, LB_LINE_BYTES - 1, out, LB_LINE_BYTES,
				    NULL) != 0)
			return -1;
		if (i > 0 && lb_strcmp(lines->made, lines->first) != 0)
			return -1;
	}
	memcpy(lines->line, lines->first, LB_LINE_BYTES);
	return 0;
}

void lb_late_line_give(const struct lb_found_linuxes *found, const char *line)
{
	for (uint32_t i = 0; i < found->count; i++)
		set_line(found->list[i].params, (uintptr_t)line);
}

static bool is_in(const struct boot_params *params, const struct lb_range *ranges, uint32_t count)
{
	struct lb_range page = {(uintptr_t)params, (uintptr_t)params + LB_PAGE};

	for (uint32_t i = 0; i < count; i++) {
		if (lb_range_contains(ranges[i], page))
			return true;
	}
	return false;
}

void lb_late_line_take_back(struct lb_found_linuxes *found, const char *line, const struct lb_range *ranges,
			    uint32_t count)
{
	for (uint32_t i = 0; i < found->count; i++) {
		const struct lb_found_linux *one = &found->list[i];

		if (is_in(one->params, ranges, count) && lb_line_pointer(one->params) == (uintptr_t)line)
			set_line(one->params, one->pointer);
	}
	*found = (struct lb_found_linuxes){.count = 0};
}
