// SPDX-License-Identifier: BSD-2-Clause
#include "loader/canaries.h"

#include "crash/plan/canary.h"
#include "lib/mem.h"
#include "loader/firmware.h"

#define LOOK_AT_MOST (512 * LB_MIB)

static bool looked;
static unsigned int survived;

static bool may_look(struct lb_range range)
{
	return range.start && range.start < range.end && lb_range_size(range) <= LOOK_AT_MOST &&
	       lb_aligned(range.start | range.end, LB_PAGE);
}

// Allocates the memory first: nobody else has it then, and firmware with guards lets us read it.
void lb_canaries_count(const struct lb_trial *mark)
{
	const struct lb_range range = mark ? mark->crash : (struct lb_range){0, 0};
	EFI_PHYSICAL_ADDRESS address = range.start;

	if (looked || !may_look(range) ||
	    EFI_ERROR(BS->AllocatePages(AllocateAddress, EfiLoaderData, lb_range_size(range) / LB_PAGE,
					&address)))
		return;
	looked = true;
	for (uint64_t phys = range.start; phys < range.end && survived < LB_CANARY_PAGES; phys += LB_PAGE) {
		void *page = (void *)(uintptr_t)phys;

		if (!lb_canary_lives(page, phys))
			continue;
		survived++;
		memset(page, 0, LB_PAGE);
	}
	BS->FreePages(address, lb_range_size(range) / LB_PAGE);
}

void lb_canaries_put(struct lb_range free)
{
	const struct lb_range range = lb_canary_range(free);

	for (uint64_t phys = range.start; phys < range.end; phys += LB_PAGE)
		lb_canary_fill((void *)(uintptr_t)phys, phys);
}

size_t lb_canaries_print(char *text, size_t bytes)
{
	text[0] = '\0';
	return looked ? lb_snprintf(text, bytes, "survived=%u of %u pages\n", survived, LB_CANARY_PAGES) : 0;
}
