// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/special.h"

#include "crash/dead/pages.h"
#include "crash/plan/hotplug.h"
#include "lib/mem.h"

#define ADDRESS_END (1ULL << 52) // of a physical address

static void keep(struct lb_special *special, struct lb_range range)
{
	if (special->count && special->ranges[special->count - 1].end == range.start)
		special->ranges[special->count - 1].end = range.end;
	else if (special->count < LB_SPECIAL_MAX)
		special->ranges[special->count++] = range;
	else
		special->missing_bytes += lb_range_size(range);
}

// The whole pages of an entry that a CPU can address; empty when it is not special.
static struct lb_range pages_of(const struct boot_e820_entry *entry)
{
	struct lb_range range;

	if (!lb_hotplug_is_special(entry->type) ||
	    __builtin_add_overflow(entry->addr, entry->size, &range.end) ||
	    !lb_align_up_checked(entry->addr, LB_PAGE, &range.start))
		return (struct lb_range){0, 0};
	range.end = lb_align_down(range.end < ADDRESS_END ? range.end : ADDRESS_END, LB_PAGE);
	return range.start < range.end ? range : (struct lb_range){0, 0};
}

// Looks at the sections of `range`, `*sections` of them at most.
static void find_in(struct lb_pages *pages, struct lb_range range, uint32_t *sections,
		    struct lb_special *special)
{
	uint64_t phys = range.start, run;

	for (; phys < range.end && *sections; (*sections)--) {
		const enum lb_section section = lb_pages_section(pages, phys / LB_PAGE, &run);
		uint64_t end = range.end - phys < run * LB_PAGE ? range.end : phys + run * LB_PAGE;

		if (section == LB_SECTION_ONLINE)
			keep(special, (struct lb_range){phys, end});
		else if (section == LB_SECTION_UNKNOWN)
			special->unknown_bytes += end - phys;
		phys = end;
	}
	special->unknown_bytes += range.end - phys;
}

// Whether flags of sections mean what they are taken for here.
static bool is_sound(struct lb_pages *pages, const struct lb_deadkernel *dead)
{
	uint64_t run;

	return lb_pages_open(pages, &dead->space) == NULL && dead->has_text &&
	       lb_pages_section(pages, dead->text_phys / LB_PAGE, &run) == LB_SECTION_ONLINE;
}

void lb_special_find(const struct lb_deadkernel *dead, const struct boot_e820_entry *entries, uint32_t count,
		     struct lb_special *ret_special)
{
	struct lb_pages pages;
	uint32_t sections = 0;

	memset(ret_special, 0, sizeof(*ret_special));
	if (is_sound(&pages, dead))
		sections = LB_SPECIAL_SECTIONS;
	for (uint32_t i = 0; i < count; i++)
		find_in(&pages, pages_of(&entries[i]), &sections, ret_special);
}
