// SPDX-License-Identifier: BSD-2-Clause
// The layout of struct page by the VMCOREINFO of 6.1, 6.4, 6.6 and 6.12, part by part. Missing and wrong keys
// are tested in test_filter.c.
#include <stdio.h>
#include <string.h>

#include "crash/dead/struct_page.h"
#include "unit.h"

static struct lb_vmcoreinfo text(const char *lines)
{
	return (struct lb_vmcoreinfo){.text = lines, .bytes = (uint32_t)strlen(lines)};
}

static void basics(void **state)
{
	const struct lb_vmcoreinfo info =
		text("OFFSET(page.flags)=0\nOFFSET(page._mapcount)=48\nOFFSET(page.mapping)=24\n"
		     "OFFSET(page.compound_head)=8\nNUMBER(PG_slab)=9\nNUMBER(PG_hwpoison)=22\n"
		     "NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257\n");
	struct lb_struct_page at = {.bytes = 64};

	(void)state;
	assert_null(lb_struct_page_basics(&at, &info));
	assert_int_equal(at.flags, 0);
	assert_int_equal(at.mapcount, 48);
	assert_int_equal(at.compound_head, 8);
	assert_int_equal(at.slab, 1 << 9);
	assert_int_equal(at.hwpoison, 1 << 22);
	assert_null(lb_struct_page_mapping(&at, &info));
	assert_int_equal(at.mapping, 24);
	at.bytes = 48; // smaller than its fields need
	assert_string_equal(lb_struct_page_basics(&at, &info), "OFFSET(page._mapcount)=");
}

// 7.1 and later have compound_info. If both keys are missing, the older one is named.
static void tails(void **state)
{
	const struct lb_vmcoreinfo info = text("OFFSET(page.flags)=0\nOFFSET(page._mapcount)=48\n"
					       "OFFSET(page.compound_info)=8\nNUMBER(PG_slab)=9\n");
	const struct lb_vmcoreinfo beyond = text("OFFSET(page.flags)=0\nOFFSET(page._mapcount)=48\n"
						 "OFFSET(page.compound_info)=57\nNUMBER(PG_slab)=9\n");
	const struct lb_vmcoreinfo neither =
		text("OFFSET(page.flags)=0\nOFFSET(page._mapcount)=48\nNUMBER(PG_slab)=9\n");
	struct lb_struct_page at = {.bytes = 64};

	(void)state;
	assert_null(lb_struct_page_basics(&at, &info));
	assert_int_equal(at.compound_head, 8);
	assert_string_equal(lb_struct_page_basics(&at, &beyond), "OFFSET(page.compound_head)=");
	assert_string_equal(lb_struct_page_basics(&at, &neither), "OFFSET(page.compound_head)=");
	at.mapping = 99;
	assert_string_equal(lb_struct_page_mapping(&at, &info), "OFFSET(page.mapping)=");
	assert_int_equal(at.mapping, 0);
}

// From 6.6 on the order is in the second page's flags, with or without hugetlbfs.
static void order_by_release(void **state)
{
	static const struct {
		const char *lines;
		bool known;
	} kernels[] = {
		{"OSRELEASE=6.6.0\n", true},
		{"OSRELEASE=6.12.3-amd64\n", true},
		{"OSRELEASE=7.2-rc1\n", true},
		{"OSRELEASE=10.0\n", true},
		{"OSRELEASE=6.5.13\n", false},
		{"OSRELEASE=5.14.0-70.el9\n", false},
		{"OSRELEASE=6\n", false},
		{"OSRELEASE=x\n", false},
		{"X=1\n", false},
		{"OSRELEASE=6.6.0\nOFFSET(page.compound_order)=200\n", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		struct lb_struct_page at = {.bytes = 64, .flags = 5};
		struct lb_vmcoreinfo info;
		char lines[200];

		snprintf(lines, sizeof(lines), "NUMBER(PG_head_mask)=65536\n%s", kernels[i].lines);
		info = text(lines);
		assert_int_equal(lb_struct_page_compound(&at, &info) == NULL, kernels[i].known);
		assert_int_equal(at.order_at, kernels[i].known ? 5 : LB_STRUCT_PAGE_NONE);
		assert_int_equal(at.hugetlb_flag | at.hugetlb_type.mask, 0);
	}
}

// Up to 6.11 a page type is a bit that is cleared. From 6.12 on it is the upper byte.
static void types(void **state)
{
	static const struct {
		const char *buddy;
		uint32_t is, is_not; // mapcounts with and without the type
	} kinds[] = {
		{"-129", 0xffffff7f, 0xffffffff},
		{"-129", 0xfffffe7f, 0xfffffeff}, // with another type in addition
		{"-129", 0xf0000000, 0x00000000}, // a page that is mapped and has no type
		{"-268435456", 0xf0000000, 0xf1000000},
		{"-268435456", 0xf0000123, 0xe0000000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct lb_struct_page at = {.bytes = 64};
		struct lb_vmcoreinfo info;
		char lines[160];

		snprintf(lines, sizeof(lines),
			 "OFFSET(page.private)=40\nLENGTH(zone.free_area)=11\n"
			 "NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=%s\n",
			 kinds[i].buddy);
		info = text(lines);
		assert_null(lb_struct_page_free(&at, &info));
		assert_int_equal(at.private, 40);
		assert_int_equal(at.free_orders, 11);
		assert_true(lb_page_is_type(at.buddy, kinds[i].is));
		assert_false(lb_page_is_type(at.buddy, kinds[i].is_not));
	}
	assert_false(lb_page_is_type((struct lb_page_type){0, 0}, 0));
}

// An offset with a wrong value is not used.
static void bad_free_leaves_no_offset(void **state)
{
	const struct lb_vmcoreinfo info = text("OFFSET(page.private)=4096\nLENGTH(zone.free_area)=11\nNUMBER("
					       "PAGE_BUDDY_MAPCOUNT_VALUE)=-129\n");
	struct lb_struct_page at = {.bytes = 64};

	(void)state;
	assert_string_equal(lb_struct_page_free(&at, &info), "OFFSET(page.private)=");
	assert_int_equal(at.private, 0);
}

static void compound_pages(void **state)
{
	static const struct {
		const char *lines;
		uint64_t order_at, dtor_at;
	} kernels[] = {
		{"OFFSET(page.compound_order)=17\nOFFSET(page.compound_dtor)=16\nNUMBER(HUGETLB_PAGE_DTOR)="
		 "2\n",
		 17, 16},
		{"OFFSET(folio._folio_order)=81\nOFFSET(folio._folio_dtor)=80\nNUMBER(HUGETLB_PAGE_DTOR)=2\n",
		 17, 16},
		{"OFFSET(folio._folio_order)=81\nOFFSET(folio._folio_dtor)=80\n", 17, LB_STRUCT_PAGE_NONE},
		{"OFFSET(page.compound_order)=17\nOFFSET(page.compound_dtor)=64\nNUMBER(HUGETLB_PAGE_DTOR)="
		 "2\n",
		 17, LB_STRUCT_PAGE_NONE},
		{"NUMBER(PG_hugetlb)=8\n", 5, LB_STRUCT_PAGE_NONE},
		{"NUMBER(PAGE_HUGETLB_MAPCOUNT_VALUE)=-201326592\n", 5, LB_STRUCT_PAGE_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		struct lb_struct_page at = {.bytes = 64, .flags = 5};
		struct lb_vmcoreinfo info;
		char lines[200];

		snprintf(lines, sizeof(lines), "NUMBER(PG_head_mask)=65536\n%s", kernels[i].lines);
		info = text(lines);
		assert_null(lb_struct_page_compound(&at, &info));
		assert_int_equal(at.head_mask, 65536);
		assert_int_equal(at.order_at, kernels[i].order_at);
		assert_int_equal(at.dtor_at, kernels[i].dtor_at);
	}
	// The fields must lie in the folio's second page, not in its first or third.
	for (int i = 0; i < 2; i++) {
		struct lb_struct_page at = {.bytes = 64};
		const struct lb_vmcoreinfo info =
			text(i ? "NUMBER(PG_head_mask)=65536\nOFFSET(folio._folio_order)=128\n"
			       : "NUMBER(PG_head_mask)=65536\nOFFSET(folio._folio_order)=63\n");

		assert_string_equal(lb_struct_page_compound(&at, &info), "OFFSET(page.compound_order)=");
		assert_int_equal(at.order_at, LB_STRUCT_PAGE_NONE);
	}
}

static void cache_flags(void **state)
{
	const struct lb_vmcoreinfo info =
		text("NUMBER(PG_lru)=4\nNUMBER(PG_private)=13\nNUMBER(PG_swapcache)=10\n");
	const struct lb_vmcoreinfo beyond =
		text("NUMBER(PG_lru)=4\nNUMBER(PG_private)=64\nNUMBER(PG_swapcache)=10\n");
	struct lb_struct_page at = {.bytes = 64};

	(void)state;
	assert_null(lb_struct_page_cache(&at, &info));
	assert_int_equal(at.lru, 1 << 4);
	assert_int_equal(at.private_flag, 1 << 13);
	assert_int_equal(at.swapcache, 1 << 10);
	assert_int_equal(at.swapbacked, 0);
	assert_string_equal(lb_struct_page_cache(&at, &beyond), "NUMBER(PG_private)=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basics),
		cmocka_unit_test(tails),
		cmocka_unit_test(order_by_release),
		cmocka_unit_test(types),
		cmocka_unit_test(bad_free_leaves_no_offset),
		cmocka_unit_test(compound_pages),
		cmocka_unit_test(cache_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
