// SPDX-License-Identifier: BSD-2-Clause
// The reservation and the hook are the last things that can fail.
#include "loader/arming.h"

#include "lib/mem.h"
#include "loader/brakes.h"
#include "loader/fill.h"
#include "loader/firmware.h"
#include "loader/hook_image.h"
#include "loader/memory_marks.h"

static struct lb_hook_image hook_image;
static struct lb_memory_marks marks;
static struct {
	EFI_PHYSICAL_ADDRESS start;
	UINTN pages;
} reserved[2]; // crash memory, then its low region; 0 pages: none

// Probes with memory that leaves no mark, then allocates once with the final type. Returns LB_ARM_TAKEN as
// lb_arm() does: the firmware answers EFI_NOT_FOUND for an address that is in use.
static int reserve(struct lb_range region, unsigned int slot, struct lb_error *err)
{
	static const EFI_MEMORY_TYPE types[] = {EfiLoaderData, EfiReservedMemoryType};
	UINTN pages = lb_range_size(region) / LB_PAGE;

	if (!pages)
		return 0;
	for (int i = 0; i < 2; i++) {
		EFI_PHYSICAL_ADDRESS address = region.start;
		EFI_STATUS status = BS->AllocatePages(AllocateAddress, types[i], pages, &address);

		if (EFI_ERROR(status)) {
			lb_fail(err, "crash memory 0x%lx-0x%lx: the firmware would not give it: %s",
				region.start, region.end, lb_status_text(status));
			return status == EFI_NOT_FOUND ? LB_ARM_TAKEN : -1;
		}
		if (types[i] == EfiLoaderData)
			BS->FreePages(address, pages);
	}
	reserved[slot].start = region.start;
	reserved[slot].pages = pages;
	return 0;
}

static int arm(struct lb_plan *plan, struct lb_error *err)
{
	struct lb_hook_arm hook = {.handoff = plan->layout.handoff.start};
	struct lb_handoff *handoff = (struct lb_handoff *)(uintptr_t)plan->layout.handoff.start;
	EFI_STATUS status;
	int result = reserve(plan->layout.region, 0, err);

	if (result == 0)
		result = reserve(plan->crash_low, 1, err);
	if (result != 0)
		return result;
	if (lb_hook_image_place(&hook_image, err) != 0)
		return -1;
	plan->hook_text = hook_image.hook->text;
	plan->hook_data = hook_image.hook->data;
	if (lb_fill(plan, handoff, err) != 0)
		return -1;
	// A self-test leaves boot services itself; no Linux does.
	if (lb_options_late(plan->options) && !plan->capture.selftest)
		hook.late_words = plan->options->panic_words;
	hook.cr3_4level = handoff->cr3_4level;
	hook.cr3_5level = handoff->cr3_5level;
	status = hook_image.hook->arm(&hook);
	if (EFI_ERROR(status))
		return lb_fail(err, "the hook: did not arm: %s", lb_status_text(status));
	if (lb_brakes_watch(hook_image.hook, err) != 0)
		return -1;
	plan->armed = true;
	return 0;
}

void lb_disarm(struct lb_plan *plan)
{
	lb_hook_image_remove(&hook_image);
	plan->armed = false;
	plan->hook_text = plan->hook_data = (struct lb_range){0, 0};
	// An arming that is undone leaves no key in memory that others may get.
	if (reserved[0].pages && !lb_range_empty(plan->layout.capture))
		memset((void *)(uintptr_t)plan->layout.capture.start, 0, lb_range_size(plan->layout.capture));
	// A hook that had to stay is a pass-through: it never reads crash memory again.
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (reserved[i].pages)
			BS->FreePages(reserved[i].start, reserved[i].pages);
		reserved[i].pages = 0;
	}
	lb_memory_marks_put_back(&marks);
}

int lb_arm(struct lb_plan *plan, struct lb_error *err)
{
	int result;

	lb_memory_marks_take(&marks);
	result = arm(plan, err);
	if (result != 0)
		lb_disarm(plan);
	else
		lb_memory_marks_put_back(&marks);
	return result;
}
