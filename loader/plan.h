// SPDX-License-Identifier: BSD-2-Clause
// The plan of an arming, complete before anything is reserved. print_plan.c prints it; arming.c carries it
// out and undoes it.
#ifndef LIFEBOAT_LOADER_PLAN_H
#define LIFEBOAT_LOADER_PLAN_H

#include <efi.h>

#include "crash/plan/bzimage.h"
#include "crash/plan/e820.h"
#include "lifeboat/handoff.h"
#include "loader/capture_config.h"
#include "loader/machine.h"
#include "loader/options/evidence.h"
#include "loader/page_tables.h"
#include "loader/second_kernel.h"

struct lb_plan {
	const struct lb_options *options;
	struct lb_bzimage first; // zero where lb_options_late() holds
	struct lb_second_kernel second;
	struct lb_machine machine;

	struct lb_e820 saved; // sealed
	struct lb_e820 second_map; // sealed
	struct lb_crashkernel crashkernel;
	struct lb_layout_need need;
	struct lb_layout_auto automatic; // for a Linux; filled when crashkernel.automatic
	struct lb_capture_size capture_size; // for the built-in one
	struct lb_targets targets; // for the built-in one
	struct lb_evidence evidence; // for the built-in one; once armed: by the partitions that were marked
	struct lb_capture_config capture; // for the built-in one; once armed: as in crash memory
	struct lb_layout layout;
	struct lb_range crash_low; // empty: none
	uint32_t hotplug_count;
	struct lb_range hotplug[LB_MAX_HOTPLUG]; // ranges where RAM may appear after arming
	struct lb_ident_size tables; // planned: without the hook's image; once armed: as built
	struct lb_console console;
	char first_cmdline[LB_MAX_CMDLINE];
	char second_cmdline[LB_MAX_CMDLINE];

	// Filled by arming.
	bool armed;
	struct lb_range hook_text, hook_data;
	uint32_t segment_count;
	struct lb_segment segments[LB_MAX_SEGMENTS];
};

// Warns where a panic would leave less than a dump. Fails where --require or late words ask for more. For
// the built-in capture kernel only.
int lb_plan_judge_evidence(const struct lb_plan *plan, struct lb_error *err);

// Checks and computes everything that is possible before anything is reserved. Allocates EfiLoaderData
// only. Call lb_plan_free() after a failure, too.
int lb_plan_make(const struct lb_options *options, const struct lb_bzimage *first,
		 const struct lb_second_kernel *second, struct lb_plan *plan, struct lb_error *err);
// Makes the plan anew by the memory map of now. Call lb_plan_free() after a failure, too.
int lb_plan_again(struct lb_plan *plan, struct lb_error *err);
void lb_plan_free(struct lb_plan *plan);
// The ranges that the crash page tables map, the hook's image among them once it is loaded.
struct lb_mapped lb_plan_mapped(const struct lb_plan *plan);
// The number of PT_LOADs kept free for RAM that appears after arming.
uint32_t lb_plan_hotadd_slots(const struct lb_plan *plan);

// A plan without kernels, for --footprint: the CPU, the map, and layout.region, the place where crash
// memory would go now. Its size is that of options->crashkernel; `auto`, which needs kernels, gets
// LB_ASSUMED_BYTES. All else is 0. ACPI is not read, so a machine whose SRAT matters may get another place
// when armed. Call lb_plan_free() after a failure, too.
#define LB_ASSUMED_BYTES (256 * LB_MIB)
int lb_plan_assume(const struct lb_options *options, struct lb_plan *plan, struct lb_error *err);

#endif
