// SPDX-License-Identifier: BSD-2-Clause
// The rules are makedumpfile's, in its order, for 5.10 to 7.x: a free block by its first page's
// order; the page cache on the LRU or in the swap cache; anonymous pages and hugetlbfs;
// then what no rung asks for, poisoned and offline pages, whose reading may be the end of us. A
// compound page is judged by its head. What cannot be judged is dumped.
#include "crash/dead/filter.h"

#include "crash/dead/pages.h"
#include "lib/bits.h"
#include "lib/mem.h"

#define MAPPING_ANON 1ULL // PAGE_MAPPING_ANON
#define COMPOUND_TAIL 1ULL // in page.compound_head
#define ORDER_MAX 30U // of a compound page; 1 GiB ones have 18
#define NO_FIELD UINT64_MAX

// How the kind of a page is told from _mapcount's 32 bits, page_type: up to 6.11 a type clears
// its one bit in what is all ones without any; from 6.12 on it is the upper byte. The
// number in VMCOREINFO is the whole word of a page that is only this.
struct page_type {
	uint32_t mask, value; // mask 0: no such type is known
};

// Where things are in struct page, and which flags mean what.
struct page_layout {
	uint64_t flags, mapcount, mapping, private, compound_head;
	uint64_t lru, private_flag, swapcache; // flags by number
	uint64_t head_mask; // PG_head_mask
	uint64_t free_orders; // LENGTH(zone.free_area)
};

struct lb_filter {
	struct lb_pages pages;
	const struct lb_ram *ram;
	uint32_t level;
	bool has_pages; // struct pages can be read at all
	struct page_layout at;
	// Masks of page.flags; 0 where the kernel has no such flag.
	uint64_t cache, private_cache, swapcache, swapbacked, slab, hwpoison, hugetlb_flag;
	struct page_type buddy, slab_type, hugetlb_type, offline;
	uint64_t order_at; // of the order, in the second page of a compound one; NO_FIELD: unknown
	uint64_t dtor_at, hugetlb_dtor; // the destructor's number there, and hugetlbfs's
	// The stream.
	uint64_t pfn; // the next one
	uint32_t piece; // of RAM: the first that does not end before pfn
	uint64_t skip_end; // up to here pages share the verdict of an earlier one,
	uint64_t *skip_count; // counted here
	struct lb_filter_count count;
};

#define FIELD(name, field)                                                                                   \
	{                                                                                                    \
		name, 10, offsetof(struct page_layout, field)                                                \
	}

// What every rung needs, beside the struct pages themselves.
static const struct lb_vmcoreinfo_key basic_keys[] = {
	FIELD("OFFSET(page.flags)=", flags),
	FIELD("OFFSET(page._mapcount)=", mapcount),
	FIELD("OFFSET(page.mapping)=", mapping),
	FIELD("OFFSET(page.compound_head)=", compound_head),
};
static const struct lb_vmcoreinfo_key free_keys[] = {
	FIELD("OFFSET(page.private)=", private),
	FIELD("LENGTH(zone.free_area)=", free_orders),
};
static const struct lb_vmcoreinfo_key cache_keys[] = {
	FIELD("NUMBER(PG_lru)=", lru),
	FIELD("NUMBER(PG_private)=", private_flag),
	FIELD("NUMBER(PG_swapcache)=", swapcache),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(sizeof(struct lb_filter) <= LB_PAGE, "a few pages at most");

uint64_t lb_filter_bytes(void)
{
	return lb_align_up(sizeof(struct lb_filter), LB_PAGE);
}

// The mask of flag number `key`; 0 when there is none.
static uint64_t optional_flag(const struct lb_deadspace *dead, const char *key)
{
	uint64_t number;

	return lb_vmcoreinfo_number(&dead->vmcoreinfo, key, 10, &number) && number < 64 ? 1ULL << number : 0;
}

static struct page_type optional_type(const struct lb_deadspace *dead, const char *key)
{
	uint64_t number;
	uint32_t value, bit;

	if (!lb_vmcoreinfo_number(&dead->vmcoreinfo, key, 10, &number))
		return (struct page_type){0, 0};
	value = (uint32_t)number;
	bit = ~value;
	if (value >> 31 && !(value & 0xffffff))
		return (struct page_type){0xff000000, value};
	// PAGE_TYPE_BASE has bit 31 in every version.
	if (bit && !(bit & (bit - 1)) && bit != 1U << 31)
		return (struct page_type){1U << 31 | bit, 1U << 31};
	return (struct page_type){0, 0};
}

// The head of a compound page tells its order in the page behind it: in a byte of its own, or
// from 6.6 on in the low byte of the flags. NULL; or a key that is missing.
static const char *read_compound(struct lb_filter *filter, const struct lb_deadspace *dead)
{
	static const struct lb_vmcoreinfo_key head_key = FIELD("NUMBER(PG_head_mask)=", head_mask);
	const uint64_t page_bytes = filter->pages.layout.page_bytes;
	uint64_t at, dtor;

	filter->order_at = filter->dtor_at = NO_FIELD;
	if (lb_vmcoreinfo_numbers(&dead->vmcoreinfo, &head_key, 1, &filter->at) || !filter->at.head_mask)
		return head_key.key;
	filter->hugetlb_type = optional_type(dead, "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=");
	filter->hugetlb_flag = optional_flag(dead, "NUMBER(PG_hugetlb)=");
	if (filter->hugetlb_type.mask || filter->hugetlb_flag) {
		filter->order_at = filter->at.flags;
		return NULL;
	}
	if (lb_vmcoreinfo_number(&dead->vmcoreinfo, "OFFSET(page.compound_order)=", 10, &at) &&
	    at < page_bytes)
		filter->order_at = at;
	else if (lb_vmcoreinfo_number(&dead->vmcoreinfo, "OFFSET(folio._folio_order)=", 10, &at) &&
		 at >= page_bytes && at < 2 * page_bytes)
		filter->order_at = at - page_bytes; // 6.3 to 6.5
	else
		return "OFFSET(page.compound_order)=";
	if (lb_vmcoreinfo_number(&dead->vmcoreinfo, "OFFSET(page.compound_dtor)=", 10, &at) &&
	    at < page_bytes)
		dtor = at;
	else if (lb_vmcoreinfo_number(&dead->vmcoreinfo, "OFFSET(folio._folio_dtor)=", 10, &at) &&
		 at >= page_bytes && at < 2 * page_bytes)
		dtor = at - page_bytes;
	else
		return NULL; // built without hugetlbfs
	if (lb_vmcoreinfo_number(&dead->vmcoreinfo, "NUMBER(HUGETLB_PAGE_DTOR)=", 10, &filter->hugetlb_dtor))
		filter->dtor_at = dtor;
	return NULL;
}

static const char *read_basics(struct lb_filter *filter, const struct lb_deadspace *dead)
{
	const char *bad = lb_pages_open(&filter->pages, dead);

	if (bad)
		return bad;
	bad = lb_vmcoreinfo_numbers(&dead->vmcoreinfo, basic_keys, COUNT(basic_keys), &filter->at);
	if (bad)
		return bad;
	for (uint32_t i = 0; i < COUNT(basic_keys); i++) {
		uint64_t offset;

		memcpy(&offset, (const uint8_t *)&filter->at + basic_keys[i].at, sizeof(offset));
		if (offset > filter->pages.layout.page_bytes - sizeof(uint64_t))
			return basic_keys[i].key;
	}
	filter->slab = optional_flag(dead, "NUMBER(PG_slab)=");
	filter->slab_type = optional_type(dead, "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=");
	if (!filter->slab && !filter->slab_type.mask)
		return "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=";
	filter->hwpoison = optional_flag(dead, "NUMBER(PG_hwpoison)=");
	filter->offline = optional_type(dead, "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=");
	return NULL;
}

static const char *read_free(struct lb_filter *filter, const struct lb_deadspace *dead)
{
	const char *bad = lb_vmcoreinfo_numbers(&dead->vmcoreinfo, free_keys, COUNT(free_keys), &filter->at);

	if (bad)
		return bad;
	if (filter->at.private > filter->pages.layout.page_bytes - sizeof(uint64_t))
		return "OFFSET(page.private)=";
	if (filter->at.free_orders > ORDER_MAX)
		return "LENGTH(zone.free_area)=";
	filter->buddy = optional_type(dead, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=");
	return filter->buddy.mask ? NULL : "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=";
}

static const char *read_cache(struct lb_filter *filter, const struct lb_deadspace *dead)
{
	const char *bad =
		lb_vmcoreinfo_numbers(&dead->vmcoreinfo, cache_keys, COUNT(cache_keys), &filter->at);

	if (bad)
		return bad;
	if (filter->at.lru > 63)
		return "NUMBER(PG_lru)=";
	if (filter->at.private_flag > 63)
		return "NUMBER(PG_private)=";
	if (filter->at.swapcache > 63)
		return "NUMBER(PG_swapcache)=";
	filter->cache = 1ULL << filter->at.lru;
	filter->private_cache = 1ULL << filter->at.private_flag;
	// From 4.10 on PG_swapcache is another flag too, but for pages that are PG_swapbacked.
	filter->swapcache = 1ULL << filter->at.swapcache;
	filter->swapbacked = optional_flag(dead, "NUMBER(PG_swapbacked)=");
	return NULL;
}

// One more clause of the sentence: `what` is dumped for lack of `key`, which ends in '='.
static void explain(char *why, size_t bytes, const char *what, const char *key)
{
	size_t at = lb_strlen(why);

	if (at < bytes)
		lb_snprintf(why + at, bytes - at, "%s%s dumped too, since VMCOREINFO has no usable %.*s",
			    at ? "; " : "", what, (int)(lb_strlen(key) - 1), key);
}

struct lb_filter *lb_filter_open(void *memory, const struct lb_deadspace *dead, const struct lb_ram *ram,
				 uint32_t wanted, uint32_t *ret_level, char *why, size_t why_bytes)
{
	const uint32_t rungs = LB_FILTER_CACHE | LB_FILTER_CACHE_PRIVATE | LB_FILTER_USER | LB_FILTER_FREE;
	struct lb_filter *filter = memory;
	const char *bad;

	memset(filter, 0, sizeof(*filter));
	filter->ram = ram;
	if (why_bytes)
		*why = '\0';
	*ret_level = wanted & LB_FILTER_ZERO;
	bad = read_basics(filter, dead);
	filter->has_pages = !bad;
	if (bad) {
		if (wanted & rungs)
			explain(why, why_bytes, "cache, user and free pages are", bad);
		return filter;
	}
	bad = read_free(filter, dead);
	if (bad)
		filter->at.private = 0; // it is read with the rest, and may have been a lie
	else
		filter->level |= wanted & LB_FILTER_FREE;
	if (bad && (wanted & LB_FILTER_FREE))
		explain(why, why_bytes, "free pages are", bad);
	bad = read_compound(filter, dead);
	if (!bad)
		filter->level |= wanted & LB_FILTER_USER;
	else if (wanted & LB_FILTER_USER)
		explain(why, why_bytes, "user pages are", bad);
	if (!bad)
		bad = read_cache(filter, dead);
	if (!bad)
		filter->level |= wanted & (LB_FILTER_CACHE | LB_FILTER_CACHE_PRIVATE);
	else if (wanted & (LB_FILTER_CACHE | LB_FILTER_CACHE_PRIVATE))
		explain(why, why_bytes, "cache pages are", bad);
	*ret_level |= filter->level;
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

static uint64_t get64(const uint8_t *page, uint64_t at)
{
	uint64_t value;

	memcpy(&value, page + at, sizeof(value));
	return value;
}

static uint32_t get32(const uint8_t *page, uint64_t at)
{
	uint32_t value;

	memcpy(&value, page + at, sizeof(value));
	return value;
}

static bool is_type(struct page_type type, uint32_t mapcount)
{
	return type.mask && (mapcount & type.mask) == type.value;
}

// What one struct page says; read before another one is.
struct facts {
	uint64_t flags, mapping, private, compound_head;
	uint32_t mapcount;
};

// The order of the compound page headed by `pfn` and whether it is hugetlbfs's, out of the
// struct page behind its head's.
static unsigned int read_order(const struct lb_filter *filter, uint64_t pfn, uint32_t mapcount,
			       const uint8_t *second, bool *ret_hugetlb)
{
	unsigned int order = second[filter->order_at];

	*ret_hugetlb = is_type(filter->hugetlb_type, mapcount) ||
		       (filter->hugetlb_flag && (get64(second, filter->at.flags) & filter->hugetlb_flag)) ||
		       (filter->dtor_at != NO_FIELD && second[filter->dtor_at] == filter->hugetlb_dtor);
	return order <= ORDER_MAX && lb_aligned(pfn, 1ULL << order) ? order : 0;
}

// The counter of those that a page belongs to; NULL: it is dumped. `hugetlb` and `*order`
// are those of the compound page it heads; a free block's order is put into `*order`.
static uint64_t *judge(struct lb_filter *filter, const struct facts *page, bool hugetlb, unsigned int *order)
{
	const uint64_t flags = page->flags;
	const bool slab = (flags & filter->slab) || is_type(filter->slab_type, page->mapcount);
	const bool anonymous = !slab && (page->mapping & MAPPING_ANON);

	if (flags & filter->hwpoison)
		return &filter->count.hwpoison;
	if ((filter->level & LB_FILTER_FREE) && !slab && is_type(filter->buddy, page->mapcount)) {
		if (page->private >= filter->at.free_orders)
			return NULL;
		*order = (unsigned int)page->private;
		return &filter->count.free;
	}
	if ((filter->level & (LB_FILTER_CACHE | LB_FILTER_CACHE_PRIVATE)) && !anonymous) {
		bool cached = (flags & filter->cache) || ((flags & filter->swapcache) &&
							  (flags & filter->swapbacked) == filter->swapbacked);
		bool private = flags & filter->private_cache;

		if (cached && !private)
			return &filter->count.cache;
		if (cached && (filter->level & LB_FILTER_CACHE_PRIVATE))
			return &filter->count.cache_private;
	}
	if ((filter->level & LB_FILTER_USER) && (anonymous || hugetlb))
		return &filter->count.user;
	if (!slab && is_type(filter->offline, page->mapcount))
		return &filter->count.offline;
	return NULL;
}

// Judges frames [pfn, end), RAM all of them, whose struct pages may lie at `page` and behind;
// bit 0 of `bits` is frame `base`. Returns the first frame not judged: struct pages are
// to be looked up anew from there.
static uint64_t judge_run(struct lb_filter *filter, const uint8_t *page, uint64_t pfn, uint64_t end,
			  uint64_t base, uint8_t *bits)
{
	const uint64_t page_bytes = filter->pages.layout.page_bytes;
	uint64_t dumped = 0;

	for (bool moved = false; pfn < end && !moved; pfn++, page += page_bytes) {
		struct facts facts = {
			.flags = get64(page, filter->at.flags),
			.mapping = get64(page, filter->at.mapping),
			.private = get64(page, filter->at.private),
			.compound_head = get64(page, filter->at.compound_head),
			.mapcount = get32(page, filter->at.mapcount),
		};
		unsigned int order = 0;
		bool hugetlb = false;
		uint64_t *count = NULL;

		if (!(facts.compound_head & COMPOUND_TAIL)) {
			if (filter->order_at != NO_FIELD &&
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
		} else if (facts.flags & filter->hwpoison) {
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

// Frames [pfn, end), RAM all of them.
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
		lb_bits_set(bits, pfn - base, run - base);
		filter->count.dumped += run - pfn;
		filter->count.unmapped += run - pfn;
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
