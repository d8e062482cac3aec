// SPDX-License-Identifier: BSD-2-Clause
// The rules are makedumpfile's, in its order, for 5.10 to 7.x. A free block goes by its first page's order.
// The page cache is on the LRU or in the swap cache. User pages are anonymous or hugetlbfs's. Poisoned and
// offline pages are left out at every level, because reading them may stop the machine. A compound page is
// judged by its head. A page that cannot be judged is dumped.
#include "crash/dead/filter.h"

#include "crash/dead/capture_kernel.h"
#include "crash/dead/pages.h"
#include "crash/dead/struct_page.h"
#include "lib/bits.h"
#include "lib/load.h"
#include "lib/mem.h"

#define MAPPING_ANON 1ULL // PAGE_MAPPING_ANON
#define COMPOUND_TAIL 1ULL // in page.compound_head

struct lb_filter {
	struct lb_pages pages;
	const struct lb_ram *ram;
	uint32_t level;
	bool has_pages; // struct pages can be read at all
	bool drops_unused; // RAM without a section is left out
	struct lb_struct_page at;
	// The stream.
	uint64_t pfn; // the next one
	uint32_t piece; // of RAM: the first that does not end before pfn
	uint64_t skip_end; // pages up to here share the verdict of an earlier page
	uint64_t *skip_count; // the counter of that verdict
	struct lb_filter_count count;
};

_Static_assert(sizeof(struct lb_filter) <= LB_PAGE, "a few pages at most");

uint64_t lb_filter_bytes(void)
{
	return lb_align_up(sizeof(struct lb_filter), LB_PAGE);
}

// Adds a clause to level->why: `what` is dumped for lack of `key`, which ends in '='.
static void explain(struct lb_filter_level *level, const char *what, const char *key)
{
	size_t at = lb_strlen(level->why);

	lb_snprintf(level->why + at, sizeof(level->why) - at,
		    "%s%s dumped too, since VMCOREINFO has no usable %.*s", at ? "; " : "", what,
		    (int)(lb_strlen(key) - 1), key);
}

// Adds the -d bits `wanted`, unless the key `bad` is missing for them.
static void climb(struct lb_filter *filter, uint32_t wanted, const char *what, const char *bad,
		  struct lb_filter_level *level)
{
	if (!bad)
		filter->level |= wanted;
	else if (wanted)
		explain(level, what, bad);
}

static const char *open_pages(struct lb_filter *filter, const struct lb_deadspace *dead)
{
	const char *bad = lb_pages_open(&filter->pages, dead);

	filter->at.bytes = filter->pages.layout.page_bytes;
	return bad ? bad : lb_struct_page_basics(&filter->at, &dead->vmcoreinfo);
}

// Counts the pages of RAM that no section of the dead kernel covers.
static uint64_t count_unused(struct lb_filter *filter)
{
	uint64_t unused = 0, run;

	for (uint32_t i = 0; i < filter->ram->count; i++) {
		const struct lb_range *phys = &filter->ram->pieces[i].phys;
		const uint64_t end = phys->end / LB_PAGE;

		for (uint64_t pfn = phys->start / LB_PAGE; pfn < end; pfn += run) {
			bool absent = lb_pages_absent(&filter->pages, pfn, &run);

			if (run > end - pfn)
				run = end - pfn;
			if (absent)
				unused += run;
		}
	}
	return unused;
}

// Decides whether unused RAM is left out. A capture kernel's unused RAM is the memory that it was to save.
static void judge_unused(struct lb_filter *filter, const struct lb_deadspace *dead,
			 struct lb_filter_level *level)
{
	level->unused_pages = count_unused(filter);
	if (level->unused_pages > filter->ram->pages / 2)
		level->keeps_unused = "the kernel used less than half of RAM, as a capture kernel does";
	else if (level->unused_pages && lb_was_capture_kernel(dead))
		level->keeps_unused = "the kernel was a capture kernel (elfcorehdr=)";
	filter->drops_unused = !level->keeps_unused;
}

struct lb_filter *lb_filter_open(void *memory, const struct lb_deadspace *dead, const struct lb_ram *ram,
				 uint32_t wanted, struct lb_filter_level *ret_level)
{
	const uint32_t cache = LB_FILTER_CACHE | LB_FILTER_CACHE_PRIVATE;
	const uint32_t rungs = cache | LB_FILTER_USER | LB_FILTER_FREE;
	struct lb_filter *filter = memory;
	const char *bad;

	memset(filter, 0, sizeof(*filter));
	filter->ram = ram;
	*ret_level = (struct lb_filter_level){.bits = wanted & LB_FILTER_ZERO};
	bad = open_pages(filter, dead);
	filter->has_pages = !bad;
	if (bad) {
		climb(filter, wanted & rungs, "cache, user and free pages are", bad, ret_level);
		return filter;
	}
	if (wanted & rungs)
		judge_unused(filter, dead, ret_level);
	bad = lb_struct_page_free(&filter->at, &dead->vmcoreinfo);
	climb(filter, wanted & LB_FILTER_FREE, "free pages are", bad, ret_level);
	bad = lb_struct_page_mapping(&filter->at, &dead->vmcoreinfo);
	if (bad) {
		filter->at.order_at = LB_STRUCT_PAGE_NONE;
		climb(filter, wanted & (cache | LB_FILTER_USER), "cache and user pages are", bad, ret_level);
		ret_level->bits |= filter->level;
		return filter;
	}
	bad = lb_struct_page_compound(&filter->at, &dead->vmcoreinfo);
	climb(filter, wanted & LB_FILTER_USER, "user pages are", bad, ret_level);
	if (!bad)
		bad = lb_struct_page_cache(&filter->at, &dead->vmcoreinfo);
	climb(filter, wanted & cache, "cache pages are", bad, ret_level);
	ret_level->bits |= filter->level;
	return filter;
}

void lb_filter_rewind(struct lb_filter *filter)
{
	filter->pfn = 0;
	filter->piece = 0;
	filter->skip_end = 0;
	memset(&filter->count, 0, sizeof(filter->count));
}

const struct lb_filter_count *lb_filter_counts(const struct lb_filter *filter)
{
	return &filter->count;
}

// The facts of one struct page, read before the next struct page is.
struct facts {
	uint64_t flags, mapping, private, compound_head;
	uint32_t mapcount;
};

// Reads the order of the compound page that begins at `pfn`, and whether hugetlbfs owns it, out of the second
// struct page.
static unsigned int read_order(const struct lb_filter *filter, uint64_t pfn, uint32_t mapcount,
			       const uint8_t *second, bool *ret_hugetlb)
{
	unsigned int order = second[filter->at.order_at];

	*ret_hugetlb = lb_page_is_type(filter->at.hugetlb_type, mapcount) ||
		       (filter->at.hugetlb_flag &&
			(lb_load64(second + filter->at.flags) & filter->at.hugetlb_flag)) ||
		       (filter->at.dtor_at != LB_STRUCT_PAGE_NONE &&
			second[filter->at.dtor_at] == filter->at.hugetlb_dtor);
	return order <= LB_STRUCT_PAGE_ORDER_MAX && lb_aligned(pfn, 1ULL << order) ? order : 0;
}

// Judges a page: returns the counter of the pages that are left out like this one. NULL: the page is dumped.
// `hugetlb` and `*order` are those of the compound page that begins here. A free block's order is put into
// `*order`.
static uint64_t *judge(struct lb_filter *filter, const struct facts *page, bool hugetlb, unsigned int *order)
{
	const uint64_t flags = page->flags;
	const bool slab = (flags & filter->at.slab) || lb_page_is_type(filter->at.slab_type, page->mapcount);
	const bool anonymous = !slab && (page->mapping & MAPPING_ANON);

	if (flags & filter->at.hwpoison)
		return &filter->count.hwpoison;
	if ((filter->level & LB_FILTER_FREE) && !slab && lb_page_is_type(filter->at.buddy, page->mapcount)) {
		if (page->private >= filter->at.free_orders)
			return NULL;
		*order = (unsigned int)page->private;
		return &filter->count.free;
	}
	if ((filter->level & (LB_FILTER_CACHE | LB_FILTER_CACHE_PRIVATE)) && !anonymous) {
		bool cached = (flags & filter->at.lru) ||
			      ((flags & filter->at.swapcache) &&
			       (flags & filter->at.swapbacked) == filter->at.swapbacked);
		bool private = flags & filter->at.private_flag;

		if (cached && !private)
			return &filter->count.cache;
		if (cached && (filter->level & LB_FILTER_CACHE_PRIVATE))
			return &filter->count.cache_private;
	}
	if ((filter->level & LB_FILTER_USER) && (anonymous || hugetlb))
		return &filter->count.user;
	if (!slab && lb_page_is_type(filter->at.offline, page->mapcount))
		return &filter->count.offline;
	return NULL;
}

// Judges frames [pfn, end), all of them RAM, whose struct pages may lie at `page` and behind. Bit 0 of `bits`
// is frame `base`. Returns the first frame that is not judged: its struct page has to be looked up anew.
static uint64_t judge_run(struct lb_filter *filter, const uint8_t *page, uint64_t pfn, uint64_t end,
			  uint64_t base, uint8_t *bits)
{
	const uint64_t page_bytes = filter->pages.layout.page_bytes;
	uint64_t dumped = 0;

	for (bool moved = false; pfn < end && !moved; pfn++, page += page_bytes) {
		struct facts facts = {
			.flags = lb_load64(page + filter->at.flags),
			.mapping = lb_load64(page + filter->at.mapping),
			.private = lb_load64(page + filter->at.private),
			.compound_head = lb_load64(page + filter->at.compound_head),
			.mapcount = lb_load32(page + filter->at.mapcount),
		};
		unsigned int order = 0;
		bool hugetlb = false;
		uint64_t *count = NULL;

		if (!(facts.compound_head & COMPOUND_TAIL)) {
			if (filter->at.order_at != LB_STRUCT_PAGE_NONE &&
			    (facts.flags & filter->at.head_mask) == filter->at.head_mask) {
				const uint8_t *second = page + page_bytes;
				uint64_t same;

				if (pfn + 1 >= end) {
					second = lb_pages_at(&filter->pages, pfn + 1, &same);
					moved = true;
				}
				if (second)
					order = read_order(filter, pfn, facts.mapcount, second, &hugetlb);
			}
			count = judge(filter, &facts, hugetlb, &order);
		} else if (facts.flags & filter->at.hwpoison) {
			count = &filter->count.hwpoison;
		}
		if (!count) {
			lb_bits_set_one(bits, pfn - base);
			dumped++;
			continue;
		}
		*count += 1;
		if (order) {
			filter->skip_end = pfn + (1ULL << order);
			filter->skip_count = count;
			pfn++;
			break;
		}
	}
	filter->count.dumped += dumped;
	return pfn;
}

// Judges frames [pfn, end), all of them RAM.
static void judge_ram(struct lb_filter *filter, uint64_t pfn, uint64_t end, uint64_t base, uint8_t *bits)
{
	while (pfn < end) {
		const uint8_t *page;
		uint64_t same, run;

		if (pfn < filter->skip_end) {
			run = end < filter->skip_end ? end : filter->skip_end;
			*filter->skip_count += run - pfn;
			pfn = run;
			continue;
		}
		page = filter->has_pages ? lb_pages_at(&filter->pages, pfn, &same) : NULL;
		if (!filter->has_pages)
			same = end - pfn;
		run = same < end - pfn ? pfn + same : end;
		if (page) {
			pfn = judge_run(filter, page, pfn, run, base, bits);
			continue;
		}
		if (filter->drops_unused && lb_pages_absent(&filter->pages, pfn, &same)) {
			filter->count.unused += run - pfn;
		} else {
			lb_bits_set(bits, pfn - base, run - base);
			filter->count.dumped += run - pfn;
			filter->count.unmapped += run - pfn;
		}
		pfn = run;
	}
}

void lb_filter_next(struct lb_filter *filter, uint64_t pages, uint8_t *bits)
{
	const uint64_t base = filter->pfn, end = base + pages;

	memset(bits, 0, pages / LB_BYTE_BITS);
	for (; filter->piece < filter->ram->count; filter->piece++) {
		const struct lb_range *phys = &filter->ram->pieces[filter->piece].phys;
		struct lb_range pfns = {phys->start / LB_PAGE, phys->end / LB_PAGE};
		struct lb_range part = lb_range_intersect(pfns, (struct lb_range){base, end});

		judge_ram(filter, part.start, part.end, base, bits);
		if (pfns.end > end)
			break;
	}
	filter->pfn = end;
}
