// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/struct_page.h"

#include "lib/mem.h"

#define FIELD(name, field)                                                                                   \
	{                                                                                                    \
		name, 10, offsetof(struct lb_struct_page, field)                                             \
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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// The mask of flag number `key`; 0 when there is none.
static uint64_t optional_flag(const struct lb_vmcoreinfo *info, const char *key)
{
	uint64_t number;

	return lb_vmcoreinfo_number(info, key, 10, &number) && number < 64 ? 1ULL << number : 0;
}

static struct lb_page_type optional_type(const struct lb_vmcoreinfo *info, const char *key)
{
	uint64_t number;
	uint32_t value, bit;

	if (!lb_vmcoreinfo_number(info, key, 10, &number))
		return (struct lb_page_type){0, 0};
	value = (uint32_t)number;
	bit = ~value;
	if (value >> 31 && !(value & 0xffffff))
		return (struct lb_page_type){0xff000000, value};
	// PAGE_TYPE_BASE has bit 31 in every version.
	if (bit && !(bit & (bit - 1)) && bit != 1U << 31)
		return (struct lb_page_type){1U << 31 | bit, 1U << 31};
	return (struct lb_page_type){0, 0};
}

const char *lb_struct_page_basics(struct lb_struct_page *at, const struct lb_vmcoreinfo *info)
{
	const char *bad = lb_vmcoreinfo_numbers(info, basic_keys, COUNT(basic_keys), at);

	if (bad)
		return bad;
	for (uint32_t i = 0; i < COUNT(basic_keys); i++) {
		uint64_t offset;

		memcpy(&offset, (const uint8_t *)at + basic_keys[i].at, sizeof(offset));
		if (offset > at->bytes - sizeof(uint64_t))
			return basic_keys[i].key;
	}
	at->slab = optional_flag(info, "NUMBER(PG_slab)=");
	at->slab_type = optional_type(info, "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=");
	if (!at->slab && !at->slab_type.mask)
		return "NUMBER(PAGE_SLAB_MAPCOUNT_VALUE)=";
	at->hwpoison = optional_flag(info, "NUMBER(PG_hwpoison)=");
	at->offline = optional_type(info, "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=");
	return NULL;
}

static const char *read_free(struct lb_struct_page *at, const struct lb_vmcoreinfo *info)
{
	const char *bad = lb_vmcoreinfo_numbers(info, free_keys, COUNT(free_keys), at);

	if (bad)
		return bad;
	if (at->private > at->bytes - sizeof(uint64_t))
		return "OFFSET(page.private)=";
	if (at->free_orders > LB_STRUCT_PAGE_ORDER_MAX)
		return "LENGTH(zone.free_area)=";
	at->buddy = optional_type(info, "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=");
	return at->buddy.mask ? NULL : "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=";
}

const char *lb_struct_page_free(struct lb_struct_page *at, const struct lb_vmcoreinfo *info)
{
	const char *bad = read_free(at, info);

	if (bad)
		at->private = 0; // it is read with the rest, and may have been a lie
	return bad;
}

// The offset in the second page of a compound one that is `in_page`, or until 6.5 `in_folio`, which
// counts from the first page on.
static uint64_t second_page_offset(const struct lb_struct_page *at, const struct lb_vmcoreinfo *info,
				   const char *in_page, const char *in_folio)
{
	uint64_t offset;

	if (lb_vmcoreinfo_number(info, in_page, 10, &offset) && offset < at->bytes)
		return offset;
	if (lb_vmcoreinfo_number(info, in_folio, 10, &offset) && offset >= at->bytes &&
	    offset < 2 * at->bytes)
		return offset - at->bytes; // 6.3 to 6.5
	return LB_STRUCT_PAGE_NONE;
}

// The head of a compound page tells its order in the page behind it: in a byte of its own, or
// from 6.6 on in the low byte of the flags.
const char *lb_struct_page_compound(struct lb_struct_page *at, const struct lb_vmcoreinfo *info)
{
	at->order_at = at->dtor_at = LB_STRUCT_PAGE_NONE;
	if (!lb_vmcoreinfo_number(info, "NUMBER(PG_head_mask)=", 10, &at->head_mask) || !at->head_mask)
		return "NUMBER(PG_head_mask)=";
	at->hugetlb_type = optional_type(info, "NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=");
	at->hugetlb_flag = optional_flag(info, "NUMBER(PG_hugetlb)=");
	if (at->hugetlb_type.mask || at->hugetlb_flag) {
		at->order_at = at->flags;
		return NULL;
	}
	at->order_at =
		second_page_offset(at, info, "OFFSET(page.compound_order)=", "OFFSET(folio._folio_order)=");
	if (at->order_at == LB_STRUCT_PAGE_NONE)
		return "OFFSET(page.compound_order)=";
	// A kernel built without hugetlbfs has no such number.
	if (lb_vmcoreinfo_number(info, "NUMBER(HUGETLB_PAGE_DTOR)=", 10, &at->hugetlb_dtor))
		at->dtor_at = second_page_offset(at, info,
						 "OFFSET(page.compound_dtor)=", "OFFSET(folio._folio_dtor)=");
	return NULL;
}

const char *lb_struct_page_cache(struct lb_struct_page *at, const struct lb_vmcoreinfo *info)
{
	at->lru = optional_flag(info, "NUMBER(PG_lru)=");
	at->private_flag = optional_flag(info, "NUMBER(PG_private)=");
	at->swapcache = optional_flag(info, "NUMBER(PG_swapcache)=");
	// From 4.10 on PG_swapcache is another flag too, but for pages that are PG_swapbacked.
	at->swapbacked = optional_flag(info, "NUMBER(PG_swapbacked)=");
	if (!at->lru)
		return "NUMBER(PG_lru)=";
	if (!at->private_flag)
		return "NUMBER(PG_private)=";
	return at->swapcache ? NULL : "NUMBER(PG_swapcache)=";
}
