// SPDX-License-Identifier: BSD-2-Clause
// Crash memory as the loader would plan it with `auto` for the built-in capture kernel.
#ifndef LIFEBOAT_TOOLS_FOOTPRINT_CRASH_MEMORY_H
#define LIFEBOAT_TOOLS_FOOTPRINT_CRASH_MEMORY_H

#include "crash/plan/capturesize.h"
#include "crash/plan/layout.h"
#include "crash/plan/srat.h"

// Sizes in bytes of purgatory and capture kernel as the linker made them, out of the headers of their
// images.
struct image_bytes {
	uint32_t purgatory_text, purgatory_total, capture_total;
};
extern const struct image_bytes image_bytes; // written by the Makefile

struct crash_memory_request {
	const struct lb_e820 *map; // tidy
	const struct lb_srat *srat; // of the machine
	uint32_t cpus; // 1 and up
	struct lb_capture_paging paging;
};

struct crash_memory {
	uint64_t bytes;
	struct lb_layout_need need; // what lies in it
};

// Computes `auto`, with one partition to dump to.
int crash_memory_auto(const struct crash_memory_request *request, struct crash_memory *ret_memory,
		      struct lb_error *err);

#endif
