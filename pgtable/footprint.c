// SPDX-License-Identifier: BSD-2-Clause
// The arithmetic behind footprint.h. It counts slots from the ends of ranges, so 4 PiB take no longer than
// 4 MiB. It shares nothing with ident.c except what the manual says of levels: in the tests each checks the
// other.
#include "pgtable/footprint.h"
#include "lifeboat/x86.h"

// log2 of the bytes that one table covers, which one leaf in its place would cover, too.
enum {
	SPAN_PAGE = 12,
	SPAN_PT = 21,
	SPAN_PD = 30,
	SPAN_PDPT = 39,
	SPAN_PML4 = 48,
};

// Physical addresses end here, below what 5 levels could map (SDM 3A 4.1.4).
#define LIMIT_5LEVEL (1ULL << 52)

enum what { OURS, CRASH, RAM };

struct policy {
	const char *name;
	const char *text;
	enum what what;
	unsigned int smallest, largest; // leaves, log2
	bool folded;
};

static const struct policy policies[LB_FOOTPRINT_POLICIES] = {
	[LB_FOOTPRINT_OURS] = {"ours", "crash ranges, hook and windows, exact, every root that is built",
			       OURS, SPAN_PAGE, SPAN_PD, false},
	[LB_FOOTPRINT_CRASH_EXACT] = {"crash-exact", "low 1 MiB and crash regions, exact, one root", CRASH,
				      SPAN_PAGE, SPAN_PD, false},
	[LB_FOOTPRINT_CRASH_2M] = {"crash-2m",
				   "low 1 MiB and crash regions, 2 MiB leaves rounded out (2017 patch)",
				   CRASH, SPAN_PT, SPAN_PT, false},
	[LB_FOOTPRINT_RAM_4K] = {"ram-4k", "all RAM, 4 KiB leaves", RAM, SPAN_PAGE, SPAN_PAGE, false},
	[LB_FOOTPRINT_RAM_2M] = {"ram-2m", "all RAM, 2 MiB leaves rounded out", RAM, SPAN_PT, SPAN_PT, false},
	[LB_FOOTPRINT_RAM_1G] = {"ram-1g", "all RAM, 1 GiB leaves where a whole GiB is RAM, else 2 MiB", RAM,
				 SPAN_PT, SPAN_PD, false},
	[LB_FOOTPRINT_LINUX_TODAY] = {"linux-today",
				      "as ram-1g, and a page for the level that is folded away", RAM, SPAN_PT,
				      SPAN_PD, true},
	[LB_FOOTPRINT_LINUX_510] = {"linux-5.10",
				    "all RAM, 1 GiB leaves over whatever is touched, folded level", RAM,
				    SPAN_PD, SPAN_PD, true},
};

struct slots {
	uint64_t touched; // hold something of a range, or of the windows
	uint64_t whole; // lie wholly inside one range
};

// A policy's list of ranges, and the windows' table entries.
struct wanted {
	const struct lb_range *ranges;
	size_t count;
	bool trim; // ends need not be on pages
	struct lb_range windows; // empty: none
};

static struct lb_range range_at(const struct wanted *wanted, size_t i)
{
	struct lb_range range = wanted->ranges[i];

	if (!wanted->trim)
		return range;
	range = (struct lb_range){lb_align_up(range.start, LB_PAGE), lb_align_down(range.end, LB_PAGE)};
	if (range.end < range.start)
		range.end = range.start;
	return range;
}

static bool any_range_in(const struct wanted *wanted, struct lb_range slot)
{
	for (size_t i = 0; i < wanted->count; i++) {
		if (lb_range_overlaps(range_at(wanted, i), slot))
			return true;
	}
	return false;
}

// Counts the slots that only the windows touch: at most two, for two pages.
static uint64_t slots_of_windows(const struct wanted *wanted, unsigned int shift)
{
	uint64_t slots = 0;

	if (lb_range_empty(wanted->windows))
		return 0;
	for (uint64_t i = wanted->windows.start >> shift; i <= (wanted->windows.end - 1) >> shift; i++) {
		if (!any_range_in(wanted, (struct lb_range){i << shift, (i + 1) << shift}))
			slots++;
	}
	return slots;
}

static struct slots count_slots(const struct wanted *wanted, unsigned int shift)
{
	struct slots slots = {.touched = slots_of_windows(wanted, shift)};
	uint64_t next = 0; // the first slot not looked at

	for (size_t i = 0; i < wanted->count; i++) {
		struct lb_range range = range_at(wanted, i);
		uint64_t first, last, whole_start, whole_end;

		if (lb_range_empty(range))
			continue;
		first = range.start >> shift;
		last = (range.end - 1) >> shift;
		whole_start = lb_align_up(range.start, 1ULL << shift) >> shift;
		whole_end = range.end >> shift;
		if (whole_start < whole_end)
			slots.whole += whole_end - whole_start;
		if (first < next)
			first = next;
		if (first <= last)
			slots.touched += last - first + 1;
		if (next <= last)
			next = last + 1;
	}
	return slots;
}

static enum lb_footprint_status check_list(const struct wanted *wanted, uint64_t limit)
{
	for (size_t i = 0; i < wanted->count; i++) {
		struct lb_range range = wanted->ranges[i];

		if (lb_range_empty(range) || (i > 0 && range.start <= wanted->ranges[i - 1].end))
			return LB_FOOTPRINT_UNSORTED;
		if (!wanted->trim && !lb_aligned(range.start | range.end, LB_PAGE))
			return LB_FOOTPRINT_UNALIGNED;
		if (range.end > limit)
			return LB_FOOTPRINT_TOO_HIGH;
	}
	return LB_FOOTPRINT_OK;
}

static enum lb_footprint_status check_windows(const struct wanted *wanted)
{
	if (!lb_aligned(wanted->windows.start, LB_PAGE))
		return LB_FOOTPRINT_UNALIGNED;
	if (wanted->windows.start > LB_GIB - 2 * LB_PAGE || any_range_in(wanted, wanted->windows))
		return LB_FOOTPRINT_WINDOW_TAKEN;
	return LB_FOOTPRINT_OK;
}

static struct wanted wanted_by(const struct lb_footprint_request *request, enum what what)
{
	switch (what) {
	case OURS:
		return (struct wanted){
			.ranges = request->ours,
			.count = request->ours_count,
			.windows = {request->windows,
				    request->windows + (request->windows ? 2 * LB_PAGE : 0)},
		};
	case CRASH:
		return (struct wanted){.ranges = request->crash, .count = request->crash_count};
	case RAM:
		break;
	}
	return (struct wanted){.ranges = request->ram, .count = request->ram_count, .trim = true};
}

static unsigned int minimum(unsigned int one, unsigned int other)
{
	return one < other ? one : other;
}

// Counts the entries that map memory: first each whole slot of the largest leaf, then those of the next
// smaller one in the rest, and so on. The smallest leaf takes all that is left.
static void count_leaves(const struct wanted *wanted, unsigned int smallest, unsigned int largest,
			 struct lb_footprint *footprint)
{
	uint64_t *const leaves[] = {&footprint->leaves_4k, &footprint->leaves_2m, &footprint->leaves_1g};
	uint64_t larger = 0; // slots of this size that a larger leaf has taken

	for (unsigned int shift = largest; shift >= smallest; shift -= 9) {
		struct slots slots = count_slots(wanted, shift);
		uint64_t all =
			shift == smallest ? slots.touched - slots_of_windows(wanted, shift) : slots.whole;

		*leaves[(shift - SPAN_PAGE) / 9] = all - larger;
		larger = all * X86_PT_ENTRIES;
	}
}

// Counts the tables that cover 1 << shift bytes each: one for every slot touched, except where one leaf
// takes the slot.
static uint64_t tables(const struct wanted *wanted, unsigned int shift, unsigned int smallest,
		       unsigned int largest)
{
	struct slots slots;

	if (shift <= smallest)
		return 0;
	slots = count_slots(wanted, shift);
	return shift <= largest ? slots.touched - slots.whole : slots.touched;
}

enum lb_footprint_status lb_footprint(const struct lb_footprint_request *request,
				      enum lb_footprint_policy policy, struct lb_footprint *ret_footprint)
{
	const struct policy *p = &policies[policy];
	struct wanted wanted = wanted_by(request, p->what);
	// A 4-level root limits the addresses, and always is one table.
	bool root4 = !request->la57 || (p->what == OURS && request->root4);
	enum lb_footprint_status status = check_list(&wanted, root4 ? X86_END_OF_4LEVEL : LIMIT_5LEVEL);
	unsigned int largest = request->gib_pages ? p->largest : minimum(p->largest, SPAN_PT);
	unsigned int smallest = minimum(p->smallest, largest);
	struct lb_footprint footprint = {0};

	if (status == LB_FOOTPRINT_OK)
		status = check_windows(&wanted);
	if (status != LB_FOOTPRINT_OK)
		return status;

	footprint.pml5 = request->la57;
	footprint.pml4 = root4 ? 1 : count_slots(&wanted, SPAN_PML4).touched;
	footprint.pdpt = count_slots(&wanted, SPAN_PDPT).touched;
	footprint.pd = tables(&wanted, SPAN_PD, smallest, largest);
	footprint.pt = tables(&wanted, SPAN_PT, smallest, largest);
	// kernel_ident_mapping_init() takes a P4D page for each entry of the PGD, fills its
	// first entry and, with 4 levels, points the PGD entry past it to the PUD page.
	footprint.folded = p->folded && !request->la57 ? footprint.pdpt : 0;
	footprint.bytes = LB_PAGE * (footprint.pml5 + footprint.pml4 + footprint.folded + footprint.pdpt +
				     footprint.pd + footprint.pt);
	count_leaves(&wanted, smallest, largest, &footprint);
	*ret_footprint = footprint;
	return LB_FOOTPRINT_OK;
}

const char *lb_footprint_policy_name(enum lb_footprint_policy policy)
{
	return policies[policy].name;
}

const char *lb_footprint_policy_text(enum lb_footprint_policy policy)
{
	return policies[policy].text;
}

const char *lb_footprint_status_text(enum lb_footprint_status status)
{
	switch (status) {
	case LB_FOOTPRINT_OK:
		return "counted";
	case LB_FOOTPRINT_UNSORTED:
		return "the ranges are not ascending, or some are empty, touch or overlap";
	case LB_FOOTPRINT_UNALIGNED:
		return "a crash range or the windows are not aligned to 4 KiB";
	case LB_FOOTPRINT_TOO_HIGH:
		return "a range ends above what this number of page-table levels can address";
	case LB_FOOTPRINT_WINDOW_TAKEN:
		return "the windows lie in a range, or above 1 GiB";
	}
	return "unknown footprint status";
}

// Insertion sort: lists are short and mostly sorted.
size_t lb_footprint_tidy(struct lb_range *ranges, size_t count)
{
	size_t kept = 0;

	for (size_t i = 1; i < count; i++) {
		struct lb_range range = ranges[i];
		size_t at = i;

		for (; at > 0 && ranges[at - 1].start > range.start; at--)
			ranges[at] = ranges[at - 1];
		ranges[at] = range;
	}
	for (size_t i = 0; i < count; i++) {
		if (lb_range_empty(ranges[i]))
			continue;
		if (kept == 0 || ranges[kept - 1].end < ranges[i].start)
			ranges[kept++] = ranges[i];
		else if (ranges[kept - 1].end < ranges[i].end)
			ranges[kept - 1].end = ranges[i].end;
	}
	return kept;
}

// ---- the second kernel's section tables ------------------------------------

#define SECTION_SHIFT 27 // SECTION_SIZE_BITS
#define ADDRESS_BITS_4LEVEL 46 // MAX_PHYSMEM_BITS
#define ADDRESS_BITS_5LEVEL 52
#define MEM_SECTION_BYTES 16ULL // struct mem_section without CONFIG_PAGE_EXTENSION, as distributions build it
#define ROOT_SHIFT (SECTION_SHIFT + 8) // a page of them covers this much
#define STRUCT_PAGE_BYTES 64ULL
// struct mem_section_usage since 6.8: rcu_head 16, bitmap of 64 subsections 8, and 4 bits
// for each of 64 page blocks 32. Before 6.8 16 less.
#define USAGE_BYTES 56ULL
#define POINTER_BYTES 8ULL
#define TEMPORARY_ARRAYS 2ULL // usemap_map and map_map

enum lb_footprint_status lb_footprint_sections(const struct lb_range *ram, size_t count, bool la57,
					       struct lb_footprint_sections *ret_sections)
{
	const unsigned int bits = la57 ? ADDRESS_BITS_5LEVEL : ADDRESS_BITS_4LEVEL;
	const uint64_t whole = 1ULL << (bits - SECTION_SHIFT);
	const struct wanted wanted = {.ranges = ram, .count = count, .trim = true};
	enum lb_footprint_status status = check_list(&wanted, 1ULL << bits);
	struct lb_footprint_sections sections;

	if (status != LB_FOOTPRINT_OK)
		return status;
	sections = (struct lb_footprint_sections){
		.present = count_slots(&wanted, SECTION_SHIFT).touched,
		.whole = whole,
		.roots_bytes = (1ULL << (bits - ROOT_SHIFT)) * POINTER_BYTES,
		.tables_bytes = count_slots(&wanted, ROOT_SHIFT).touched * LB_PAGE,
		.temporary_whole_bytes = TEMPORARY_ARRAYS * whole * POINTER_BYTES,
		.tables_whole_bytes = whole * MEM_SECTION_BYTES,
	};
	sections.usage_bytes = sections.present * USAGE_BYTES;
	sections.memmap_bytes = sections.present * (1ULL << SECTION_SHIFT) / LB_PAGE * STRUCT_PAGE_BYTES;
	sections.total_bytes =
		sections.roots_bytes + sections.tables_bytes + sections.usage_bytes + sections.memmap_bytes;
	sections.temporary_present_bytes = TEMPORARY_ARRAYS * sections.present * POINTER_BYTES;
	*ret_sections = sections;
	return LB_FOOTPRINT_OK;
}
