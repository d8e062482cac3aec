// SPDX-License-Identifier: BSD-2-Clause
#include "tools/footprint/crash_memory.h"

#include <stdlib.h>

#include "crash/plan/bootparams.h"
#include "crash/plan/e820_second.h"
#include "crash/plan/elfcore.h"
#include "crash/plan/hotplug.h"
#include "crash/plan/kernel_arguments.h"
#include "lifeboat/capture_config.h"

static uint32_t hotadd_slots(const struct crash_memory_request *request)
{
	struct lb_range ranges[LB_MAX_HOTPLUG];
	uint32_t count = 0;

	lb_hotplug_ranges(request->srat, request->map, ranges, LB_MAX_HOTPLUG, &count);
	return count || lb_hotplug_special_bytes(request->map) ? LB_HOTADD_SLOTS : 0;
}

static struct lb_layout_need find_need(const struct crash_memory_request *request)
{
	const struct lb_elfcore whole = {.saved = request->map, .spare = hotadd_slots(request)};
	const struct lb_range low = {0, LB_LOW_END};

	return (struct lb_layout_need){
		.kernel = image_bytes.capture_total,
		.setup_data = lb_bootparams_setup_data(request->map->count + LB_SECOND_MAP_SPARE),
		.cmdline = 1 + sizeof(LB_CMDLINE_NO5LVL),
		.page_tables = lb_layout_tables_bound(request->map, LB_GIB),
		.purgatory_text = image_bytes.purgatory_text,
		.purgatory_total = image_bytes.purgatory_total,
		.capture = sizeof(struct lb_capture_config),
		.e820_saved = request->map->count * sizeof(*request->map->entries),
		.elfcorehdr = lb_elfcore_bytes(&whole) + 2 * sizeof(Elf64_Phdr),
		.notes = lb_elfcore_notes_bytes(request->cpus),
		.backup = lb_e820_ram(request->map, low),
	};
}

int crash_memory_auto(const struct crash_memory_request *request, struct crash_memory *ret_memory,
		      struct lb_error *err)
{
	const struct lb_range everywhere = {0, UINT64_MAX};
	const uint32_t cpus = request->cpus < LB_MAX_CAPTURE_CPUS ? request->cpus : LB_MAX_CAPTURE_CPUS;
	struct crash_memory memory = {.need = find_need(request)};
	struct lb_capture_need capture = {.cpus = cpus, .targets = 1};
	struct lb_ident_range *room = calloc(request->map->count + 1, sizeof(*room));
	struct lb_capture_size size;

	if (!room)
		return lb_fail(err, "out of memory");
	capture.tables = lb_capture_ram_tables(request->map, &request->paging, room);
	free(room);
	if (lb_layout_minimum(&memory.need, &capture.contents, err) != 0 ||
	    lb_capture_size(&capture, lb_capture_limit(cpus, lb_e820_ram(request->map, everywhere)), &size,
			    err) != 0)
		return -1;
	memory.bytes = size.total > LB_CAPTURE_MIN ? size.total : LB_CAPTURE_MIN;
	*ret_memory = memory;
	return 0;
}
