// SPDX-License-Identifier: BSD-2-Clause
// What the fields and flags of a dead kernel's struct page are, for those who judge pages by
// them: where VMCOREINFO says that they lie, for 5.10 to 7.x.
// Sources: Documentation/admin-guide/kdump/vmcoreinfo.rst; include/linux/page-flags.h,
// mm_types.h; makedumpfile.
#ifndef LIFEBOAT_CRASH_DEAD_STRUCT_PAGE_H
#define LIFEBOAT_CRASH_DEAD_STRUCT_PAGE_H

#include "crash/dead/vmcoreinfo.h"

#define LB_STRUCT_PAGE_ORDER_MAX 30U // of a compound page; 1 GiB ones have 18
#define LB_STRUCT_PAGE_NONE UINT64_MAX // an offset: no such field

// A page's kind in _mapcount's 32 bits, page_type: up to 6.11 a type clears its one bit in a word that is
// all ones without any type; from 6.12 on the type is the upper byte. The number in VMCOREINFO is the whole
// word of a page that is only this.
struct lb_page_type {
	uint32_t mask, value; // mask 0: no such type is known
};

static inline bool lb_page_is_type(struct lb_page_type type, uint32_t mapcount)
{
	return type.mask && (mapcount & type.mask) == type.value;
}

struct lb_struct_page {
	uint64_t bytes; // sizeof(struct page); from the caller, before anything is read
	// lb_struct_page_basics(): offsets, each of 8 readable bytes. Masks of page.flags are 0 where the
	// kernel has no such flag.
	uint64_t flags, mapcount, compound_head;
	uint64_t slab, hwpoison;
	struct lb_page_type slab_type, offline;
	// lb_struct_page_mapping()
	uint64_t mapping; // 0: not known, but may be read
	// lb_struct_page_free()
	uint64_t private; // 0: not known, but may be read
	uint64_t free_orders; // LENGTH(zone.free_area)
	struct lb_page_type buddy;
	// lb_struct_page_compound(): the order and the destructor's number are bytes in the second
	// page of a compound one.
	uint64_t head_mask; // PG_head_mask
	uint64_t order_at, dtor_at; // LB_STRUCT_PAGE_NONE: unknown
	uint64_t hugetlb_flag, hugetlb_dtor; // the flag is one of the second page's
	struct lb_page_type hugetlb_type;
	// lb_struct_page_cache(): masks of page.flags
	uint64_t lru, private_flag, swapcache, swapbacked;
};

// Each fills its part and returns NULL; or the key, with its '=', that is missing or makes no
// sense. Then what the others filled stays.
const char *lb_struct_page_basics(struct lb_struct_page *at, const struct lb_vmcoreinfo *info);
const char *lb_struct_page_mapping(struct lb_struct_page *at, const struct lb_vmcoreinfo *info);
const char *lb_struct_page_free(struct lb_struct_page *at, const struct lb_vmcoreinfo *info);
const char *lb_struct_page_compound(struct lb_struct_page *at, const struct lb_vmcoreinfo *info);
const char *lb_struct_page_cache(struct lb_struct_page *at, const struct lb_vmcoreinfo *info);

#endif
