// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/capturesize.h"

#include "crash/plan/place.h"

// Writes in flight that are enough for a fast disk.
#define BUFFERS (8 * LB_CAPTURE_BUFFER)
// The slack has two parts: EARLY is used before RAM is mapped, by lists of ranges and tables of device
// registers; LATE is used after.
#define EARLY (128 * LB_KIB)
#define LATE (LB_CAPTURE_GPT + LB_CAPTURE_DISK + LB_CAPTURE_WRITER + LB_CAPTURE_STATE)
// Jobs that are being filled and written, and the spare one.
#define JOBS_MORE 3

uint32_t lb_capture_batches(uint32_t cpus)
{
	return cpus + JOBS_MORE;
}

uint32_t lb_capture_chunks(uint32_t cpus)
{
	return cpus / 2 + JOBS_MORE;
}

uint64_t lb_capture_helpers(uint32_t cpus)
{
	if (!cpus)
		return 0;
	return cpus * LB_CAPTURE_CONTEXT + (cpus - 1) * LB_CAPTURE_CPU +
	       lb_capture_batches(cpus) * LB_CAPTURE_BATCH + lb_capture_chunks(cpus) * LB_CAPTURE_CHUNK;
}

uint64_t lb_capture_limit(uint32_t cpus, uint64_t ram)
{
	uint64_t further = cpus > LB_CAPTURE_FIRST_CPUS ? cpus - LB_CAPTURE_FIRST_CPUS : 0;

	further *= LB_CAPTURE_FURTHER;
	if (further > ram / LB_CAPTURE_RAM_PART)
		further = ram / LB_CAPTURE_RAM_PART;
	return lb_align_up(LB_CAPTURE_MAX + further, LB_REGION_STEP);
}

// The bytes of the targets after the first.
static uint64_t further(uint32_t targets)
{
	const uint64_t each = LB_CAPTURE_STATE + LB_CAPTURE_DISK + LB_CAPTURE_WRITER +
			      LB_CAPTURE_BUFFERS_MIN * LB_CAPTURE_BUFFER;

	return targets > 1 ? (targets - 1) * each : 0;
}

static uint64_t beyond(uint64_t left, uint64_t kept)
{
	return left > kept ? left - kept : 0;
}

uint64_t lb_capture_tables(uint64_t left, uint32_t cpus, uint32_t targets)
{
	return beyond(left, BUFFERS + lb_capture_helpers(cpus) + further(targets) + LATE);
}

uint32_t lb_capture_buffers(uint64_t left, uint32_t cpus, uint32_t targets)
{
	uint64_t kept = LB_CAPTURE_STATE + LB_CAPTURE_WRITER + lb_capture_helpers(cpus) + further(targets);
	uint64_t buffers = beyond(left, kept) / (targets ? targets : 1) / LB_CAPTURE_BUFFER;

	if (buffers > UINT32_MAX)
		return UINT32_MAX;
	return buffers < LB_CAPTURE_BUFFERS_MIN ? LB_CAPTURE_BUFFERS_MIN : (uint32_t)buffers;
}

uint32_t lb_capture_cpus(uint64_t left, uint32_t cpus, uint32_t targets)
{
	while (cpus > 1 && lb_capture_helpers(cpus) > beyond(left, LB_CAPTURE_WRITER + further(targets)))
		cpus--;
	return lb_capture_helpers(cpus) <= left ? cpus : 0;
}

// False: it takes more than `limit`.
static bool fill(const struct lb_capture_need *need, uint64_t limit, struct lb_capture_size *size)
{
	uint64_t buffers = BUFFERS + further(need->targets), helpers = lb_capture_helpers(need->cpus);
	uint64_t windows = need->cpus * LB_PAGE; // a page table for each CPU's
	uint64_t slack = EARLY + windows + LATE + LB_CAPTURE_SCRATCH + LB_CAPTURE_REPORT + LB_CAPTURE_CHUNK;
	uint64_t heap = buffers + helpers + need->tables + slack;

	if (need->contents > limit || heap > limit - need->contents)
		return false;
	*size = (struct lb_capture_size){
		.contents = need->contents,
		.buffers = buffers,
		.helpers = helpers,
		.tables = need->tables,
		.slack = slack,
		.total = lb_align_up(need->contents + heap, LB_REGION_STEP),
		.cpus = need->cpus,
	};
	return true;
}

int lb_capture_size(const struct lb_capture_need *need, uint64_t limit, struct lb_capture_size *ret_size,
		    struct lb_error *err)
{
	const struct {
		uint64_t tables;
		uint32_t targets, cpus;
	} choices[] = {
		{need->tables <= LB_CAPTURE_TABLES_MAX ? need->tables : 0, need->targets, need->cpus},
		{0, need->targets, need->cpus},
		// The capture kernel keeps memory for all targets, and starts no CPU in their place.
		{0, 1, 1},
	};
	char contents_text[16], heap_text[16], limit_text[16];

	limit = lb_align_down(limit, LB_REGION_STEP);
	for (unsigned int i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		struct lb_capture_need less = *need;

		less.tables = choices[i].tables;
		less.targets = choices[i].targets;
		for (less.cpus = choices[i].cpus; less.cpus; less.cpus--) {
			if (fill(&less, limit, ret_size))
				return 0;
		}
	}
	return lb_fail(
		err,
		"crash region: %s and a heap of %s for the built-in capture kernel with one CPU do not "
		"fit into %s",
		lb_format_size(contents_text, sizeof(contents_text), need->contents),
		lb_format_size(heap_text, sizeof(heap_text),
			       BUFFERS + lb_capture_helpers(1) + EARLY + LB_PAGE + LATE + LB_CAPTURE_SCRATCH +
				       LB_CAPTURE_REPORT + LB_CAPTURE_CHUNK),
		lb_format_size(limit_text, sizeof(limit_text), limit));
}

uint64_t lb_capture_ram_tables(const struct lb_e820 *saved, const struct lb_capture_paging *paging,
			       struct lb_ident_range *room)
{
	struct lb_ident_request request = {
		.ranges = room,
		.phys_bits = paging->phys_bits,
		.gib_pages = paging->gib_pages,
		.root4 = !paging->la57,
		.root5 = paging->la57,
	};
	struct lb_ident_size size;

	for (uint32_t i = 0; i < saved->count; i++) {
		const struct boot_e820_entry *entry = &saved->entries[i];
		struct lb_range whole = {lb_align_up(entry->addr, LB_PAGE),
					 lb_align_down(entry->addr + entry->size, LB_PAGE)};

		if (entry->type == LB_E820_RAM && !lb_range_empty(whole))
			room[request.count++] = (struct lb_ident_range){whole, LB_MEM_WB};
	}
	return lb_ident_count(&request, &size) == LB_IDENT_OK ? size.pages * LB_PAGE : 0;
}
