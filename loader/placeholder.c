// SPDX-License-Identifier: BSD-2-Clause
#include "loader/placeholder.h"

#include "loader/firmware.h"
#include "loader/memory_marks.h"
#include "loader/print.h"

static struct lb_range taken[3];

static void take(struct lb_range range, EFI_MEMORY_TYPE type, const char *name, struct lb_range *ret_taken)
{
	EFI_PHYSICAL_ADDRESS address = range.start;
	EFI_STATUS status;

	if (lb_range_empty(range))
		return;
	status = BS->AllocatePages(AllocateAddress, type, lb_range_size(range) / LB_PAGE, &address);
	if (EFI_ERROR(status))
		lb_print_warning(
			"%s, 0x%lx-0x%lx, cannot be reserved: %s; a hibernated system may not resume", name,
			(unsigned long)range.start, (unsigned long)range.end, lb_status_text(status));
	else
		*ret_taken = range;
}

void lb_placeholder_take(const struct lb_trial *mark)
{
	struct lb_memory_marks marks;

	lb_memory_marks_take(&marks);
	take(mark->crash, EfiReservedMemoryType, "crash memory", &taken[0]);
	take(mark->crash_low, EfiReservedMemoryType, "crash memory's low region", &taken[1]);
	take(mark->hook, EfiRuntimeServicesCode, "the hook", &taken[2]);
	lb_memory_marks_put_back(&marks);
}

void lb_placeholder_give_back(void)
{
	for (int i = 0; i < 3; i++) {
		if (!lb_range_empty(taken[i]))
			BS->FreePages(taken[i].start, lb_range_size(taken[i]) / LB_PAGE);
		taken[i] = (struct lb_range){0, 0};
	}
}
