// SPDX-License-Identifier: BSD-2-Clause
// Arming: carry out the plan. The reservation and the hook are the last things that
// can fail; whatever fails, everything done so far is undone.
#include "loader/fill.h"
#include "loader/firmware.h"
#include "loader/plan.h"
#include "loader/runtime.h"

static struct lb_runtime runtime;
static struct lb_marks marks;
static bool reserved;

// Probed with memory that leaves no mark, then allocated once as what it shall be.
static int reserve(struct lb_range region, struct lb_error *err)
{
	static const EFI_MEMORY_TYPE types[] = {EfiLoaderData, EfiReservedMemoryType};
	UINTN pages = lb_range_size(region) / LB_PAGE;

	for (int i = 0; i < 2; i++) {
		EFI_PHYSICAL_ADDRESS address = region.start;
		EFI_STATUS status = BS->AllocatePages(AllocateAddress, types[i], pages, &address);

		if (EFI_ERROR(status))
			return lb_fail(
				err, "crash memory 0x%lx-0x%lx: the firmware would not give it, status 0x%lx",
				region.start, region.end - 1, (unsigned long)status);
		if (types[i] == EfiLoaderData)
			BS->FreePages(address, pages);
	}
	reserved = true;
	return 0;
}

static int arm(struct lb_plan *plan, struct lb_error *err)
{
	struct lb_hook_arm hook = {.handoff = plan->layout.handoff.start};
	struct lb_handoff *handoff = (struct lb_handoff *)(uintptr_t)plan->layout.handoff.start;
	EFI_STATUS status;

	if (reserve(plan->layout.region, err) != 0 || lb_runtime_load(&runtime, err) != 0)
		return -1;
	plan->hook_text = runtime.hook->text;
	plan->hook_data = runtime.hook->data;
	if (lb_fill(plan, handoff, err) != 0)
		return -1;
	hook.cr3_4level = handoff->cr3_4level;
	hook.cr3_5level = handoff->cr3_5level;
	status = runtime.hook->arm(&hook);
	if (EFI_ERROR(status))
		return lb_fail(err, "the hook: did not arm, status 0x%lx", (unsigned long)status);
	plan->armed = true;
	return 0;
}

void lb_disarm(struct lb_plan *plan)
{
	lb_runtime_unload(&runtime);
	plan->armed = false;
	plan->hook_text = plan->hook_data = (struct lb_range){0, 0};
	if (!reserved)
		return;
	// A hook that had to stay is a pass-through: it never reads crash memory again.
	BS->FreePages(plan->layout.region.start, lb_range_size(plan->layout.region) / LB_PAGE);
	reserved = false;
	lb_marks_put_back(&marks);
}

int lb_arm(struct lb_plan *plan, struct lb_error *err)
{
	lb_marks_take(&marks);
	if (arm(plan, err) == 0)
		return 0;
	lb_disarm(plan);
	return -1;
}
