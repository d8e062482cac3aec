// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/capturesize.h"

#include "crash/plan/place.h"

// Sixteen writes of 64 KiB in flight.
#define BUFFERS LB_MIB
// libzstd's context for 4 KiB pages at level 1 is 73 632 bytes; a stack goes with it.
#define CONTEXT (96 * LB_KIB)
// 64 compressed pages, and what says where they come from. Each CPU has one; two more are
// being filled and written meanwhile.
#define BATCH (272 * LB_KIB)
#define BATCHES_MORE 2
#define SLACK (512 * LB_KIB)

static uint64_t helpers_bytes(uint32_t cpus)
{
	return cpus * CONTEXT + (cpus + BATCHES_MORE) * BATCH;
}

// False: it takes more than `limit`.
static bool fill(uint64_t contents, uint64_t tables, uint32_t cpus, uint64_t limit,
		 struct lb_capture_size *size)
{
	uint64_t heap = BUFFERS + helpers_bytes(cpus) + tables + SLACK;

	if (contents > limit || heap > limit - contents)
		return false;
	*size = (struct lb_capture_size){
		.contents = contents,
		.buffers = BUFFERS,
		.helpers = helpers_bytes(cpus),
		.tables = tables,
		.slack = SLACK,
		.total = lb_align_up(contents + heap, LB_REGION_STEP),
		.cpus = cpus,
	};
	return true;
}

int lb_capture_size(uint64_t contents, uint64_t tables, uint32_t cpus, uint64_t limit,
		    struct lb_capture_size *ret_size, struct lb_error *err)
{
	const uint64_t choices[] = {tables <= LB_CAPTURE_TABLES_MAX ? tables : 0, 0};
	char contents_text[16], heap_text[16], limit_text[16];

	limit = lb_align_down(limit, LB_REGION_STEP);
	for (unsigned int i = 0; i < 2; i++) {
		for (uint32_t with = cpus; with; with--) {
			if (fill(contents, choices[i], with, limit, ret_size))
				return 0;
		}
	}
	return lb_fail(
		err,
		"crash region: %s and a heap of %s for the built-in capture kernel with one CPU do not "
		"fit into %s",
		lb_format_size(contents_text, sizeof(contents_text), contents),
		lb_format_size(heap_text, sizeof(heap_text), BUFFERS + helpers_bytes(1) + SLACK),
		lb_format_size(limit_text, sizeof(limit_text), limit));
}
