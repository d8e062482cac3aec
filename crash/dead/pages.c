// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/pages.h"

#include "lifeboat/range.h"

#define SECTION_PRESENT 1ULL // SECTION_MARKED_PRESENT
#define SECTION_HAS_MAP 2ULL // SECTION_HAS_MEM_MAP
#define SECTION_IS_ONLINE 4ULL
#define SECTION_DEVICE 16ULL // SECTION_TAINT_ZONE_DEVICE, since 5.12
// Arrays of struct pages begin on a page, and so does what is subtracted (mmzone.h).
#define SECTION_MAP_MASK (~(LB_PAGE - 1))
#define NO_SECTION UINT64_MAX

#define KEY(name, radix, field)                                                                              \
	{                                                                                                    \
		name, radix, offsetof(struct lb_pages_layout, field)                                         \
	}

static const struct lb_vmcoreinfo_key keys[] = {
	KEY("SYMBOL(mem_section)=", 16, mem_section),
	KEY("LENGTH(mem_section)=", 10, roots),
	KEY("SIZE(mem_section)=", 10, section_bytes),
	KEY("OFFSET(mem_section.section_mem_map)=", 10, section_map),
	KEY("NUMBER(SECTION_SIZE_BITS)=", 10, section_bits),
	KEY("NUMBER(MAX_PHYSMEM_BITS)=", 10, max_physmem_bits),
	KEY("SIZE(page)=", 10, page_bytes),
};

// The first key whose value makes no sense; NULL when there is none.
static const char *check(struct lb_pages *pages)
{
	const struct lb_pages_layout *layout = &pages->layout;
	uint64_t sections;

	if (layout->section_bytes < sizeof(uint64_t) || layout->section_bytes > LB_PAGE)
		return "SIZE(mem_section)=";
	if (layout->section_map > layout->section_bytes - sizeof(uint64_t))
		return "OFFSET(mem_section.section_mem_map)=";
	if (layout->max_physmem_bits < 32 || layout->max_physmem_bits > 52)
		return "NUMBER(MAX_PHYSMEM_BITS)=";
	if (layout->section_bits < 20 || layout->section_bits > layout->max_physmem_bits)
		return "NUMBER(SECTION_SIZE_BITS)=";
	if (layout->page_bytes < 40 || layout->page_bytes > LB_STRUCT_PAGE_MAX)
		return "SIZE(page)=";
	// NR_SECTION_ROOTS tells which kind of array it is.
	sections = 1ULL << (layout->max_physmem_bits - layout->section_bits);
	pages->per_root = LB_PAGE / layout->section_bytes;
	if (layout->roots == (sections + pages->per_root - 1) / pages->per_root)
		return NULL;
	pages->per_root = 0;
	return layout->roots == sections ? NULL : "LENGTH(mem_section)=";
}

const char *lb_pages_open(struct lb_pages *pages, const struct lb_deadspace *dead)
{
	const char *missing = lb_vmcoreinfo_numbers(&dead->vmcoreinfo, keys, sizeof(keys) / sizeof(keys[0]),
						    &pages->layout);

	lb_deadmem_open(&pages->mem, dead);
	pages->section = NO_SECTION;
	return missing ? missing : check(pages);
}

// Finds struct mem_section number `section`; false when there is none, or it cannot be read.
static bool find_section(struct lb_pages *pages, uint64_t section, uint64_t *ret_virt)
{
	const struct lb_pages_layout *layout = &pages->layout;
	uint64_t root;

	pages->absent = section >> (layout->max_physmem_bits - layout->section_bits);
	if (pages->absent)
		return false;
	if (!pages->per_root) {
		*ret_virt = layout->mem_section + section * layout->section_bytes;
		return true;
	}
	if (!lb_deadmem_u64(&pages->mem, layout->mem_section + section / pages->per_root * sizeof(uint64_t),
			    &root))
		return false;
	pages->absent = !root;
	if (pages->absent)
		return false;
	*ret_virt = root + section % pages->per_root * layout->section_bytes;
	return true;
}

static void enter_section(struct lb_pages *pages, uint64_t section)
{
	uint64_t virt, map;

	pages->section = section;
	pages->has_map = pages->known = false;
	lb_deadmem_refill(&pages->mem); // one section is a job: their number is that of RAM's
	if (!find_section(pages, section, &virt) ||
	    !lb_deadmem_u64(&pages->mem, virt + pages->layout.section_map, &map))
		return;
	pages->known = true;
	pages->flags = map & ~SECTION_MAP_MASK;
	pages->absent = !(map & SECTION_PRESENT);
	pages->has_map = !pages->absent && (map & SECTION_HAS_MAP);
	pages->map = map & SECTION_MAP_MASK;
}

// Enters the section of `pfn`; returns the number of frames from there to its end.
static uint64_t enter_section_of(struct lb_pages *pages, uint64_t pfn)
{
	const unsigned int shift = (unsigned int)pages->layout.section_bits - 12;

	if (pfn >> shift != pages->section)
		enter_section(pages, pfn >> shift);
	return (((pfn >> shift) + 1) << shift) - pfn;
}

bool lb_pages_absent(struct lb_pages *pages, uint64_t pfn, uint64_t *ret_count)
{
	*ret_count = enter_section_of(pages, pfn);
	return pages->absent;
}

enum lb_section lb_pages_section(struct lb_pages *pages, uint64_t pfn, uint64_t *ret_count)
{
	if (lb_pages_absent(pages, pfn, ret_count))
		return LB_SECTION_ABSENT;
	if (!pages->known)
		return LB_SECTION_UNKNOWN;
	return (pages->flags & (SECTION_IS_ONLINE | SECTION_DEVICE)) == SECTION_IS_ONLINE
		       ? LB_SECTION_ONLINE
		       : LB_SECTION_OFFLINE;
}

const uint8_t *lb_pages_at(struct lb_pages *pages, uint64_t pfn, uint64_t *ret_count)
{
	const uint64_t bytes = pages->layout.page_bytes;
	const uint64_t left = enter_section_of(pages, pfn);
	uint64_t virt, room, count;
	const uint8_t *page;

	*ret_count = left;
	if (!pages->has_map)
		return NULL;
	virt = pages->map + pfn * bytes;
	room = LB_PAGE - (virt & (LB_PAGE - 1));
	if (room < bytes) {
		*ret_count = 1;
		return lb_deadmem_copy(&pages->mem, virt, pages->straddling, bytes) ? pages->straddling
										    : NULL;
	}
	count = bytes == 64 ? room / 64 : room / bytes; // the usual size without a division
	*ret_count = count < left ? count : left;
	page = lb_deadmem_at(&pages->mem, virt, &room);
	return page;
}
