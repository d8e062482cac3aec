// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/struct_page.h"

#include "lib/mem.h"

#define FIELD(name, field)                                                                                   \
	{                                                                                                    \
		name, 10, offsetof(struct lb_struct_page, field)                                             \
	}

// The keys that every rung needs, beside those of the struct pages themselves.
static const struct lb_vmcoreinfo_key basic_keys[] = {
	FIELD("OFFSET(page.flags)=", flags),
	FIELD("OFFSET(page._mapcount)=", mapcount),
};
// The word whose lowest bit marks a compound page's tail has another name from 7.1 on.
static const char compound_head_key[] = "OFFSET(page.compound_head)=";
static const char compound_info_key[] = "OFFSET(page.compound_info)=";
static const char mapping_key[] = "OFFSET(page.mapping)=";
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

static bool fits(const struct lb_struct_page *at, uint64_t offset)
{
	return offset <= at->bytes - sizeof(uint64_t);
}

const char *lb_struct_page_basics(struct lb_struct_page *at, const struct lb_vmcoreinfo *info)
{
	const char *bad = lb_vmcoreinfo_numbers(info, basic_keys, COUNT(basic_keys), at);

	if (!bad && !lb_vmcoreinfo_number(info, compound_head_key, 10, &at->compound_head) &&
	    !lb_vmcoreinfo_number(info, compound_info_key, 10, &at->compound_head))
		bad = compound_head_key;
	if (bad)
		return bad;
	for (uint32_t i = 0; i < COUNT(basic_keys); i++) {
		uint64_t offset;

		memcpy(&offset, (const uint8_t *)at + basic_keys[i].at, sizeof(offset));
		if (!fits(at, offset))
			return basic_keys[i].key;
	}
	if (!fits(at, at->compound_head))
		return compound_head_key;
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
	if (!fits(at, at->private))
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

const char *lb_struct_page_mapping(struct lb_struct_page *at, const struct lb_vmcoreinfo *info)
{
	if (lb_vmcoreinfo_number(info, mapping_key, 10, &at->mapping) && fits(at, at->mapping))
		return NULL;
	at->mapping = 0;
	return mapping_key;
}

// Is OSRELEASE 6.6 or later?
static bool is_from_6_6_on(const struct lb_vmcoreinfo *info)
{
	char release[16] = "";
	uint32_t numbers[2] = {0, 0}, at = 0;

	lb_vmcoreinfo_text(info, "OSRELEASE=", release, sizeof(release));
	for (uint32_t i = 0; i < 2; i++, at++) {
		while (release[at] >= '0' && release[at] <= '9' && numbers[i] < 1000)
			numbers[i] = numbers[i] * 10 + (uint32_t)(release[at++] - '0');
		if (release[at] != '.')
			break;
	}
	return numbers[0] > 6 || (numbers[0] == 6 && numbers[1] >= 6);
}

static bool has_key(const struct lb_vmcoreinfo *info, const char *key)
{
	uint64_t number;

	return lb_vmcoreinfo_number(info, key, 10, &number);
}

// VMCOREINFO says until 6.5 where the order is, in one way or the other; from 6.6 on it does not, and
// numbers for hugetlbfs are missing in a kernel built without.
static bool has_order_in_flags(const struct lb_struct_page *at, const struct lb_vmcoreinfo *info)
{
	if (at->hugetlb_type.mask || at->hugetlb_flag)
		return true;
	return is_from_6_6_on(info) && !has_key(info, "OFFSET(page.compound_order)=") &&
	       !has_key(info, "OFFSET(folio._folio_order)=");
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
	if (has_order_in_flags(at, info)) {
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
	// PG_swapcache is another flag from 4.10 on, too, but for pages that are PG_swapbacked.
	at->swapbacked = optional_flag(info, "NUMBER(PG_swapbacked)=");
	if (!at->lru)
		return "NUMBER(PG_lru)=";
	if (!at->private_flag)
		return "NUMBER(PG_private)=";
	return at->swapcache ? NULL : "NUMBER(PG_swapcache)=";
}
