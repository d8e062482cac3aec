// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/dumpsize.h"

#include "lib/bits.h"
#include "lifeboat/dumpdisk.h"
#include "lifeboat/range.h"

#define NOTES (4 * LB_MIB) // a PT_NOTE of ten thousand CPUs
#define PAGE_DESC 24ULL // struct page_desc of kdump-compressed
#define BITMAPS 2

uint64_t lb_dump_size_largest(uint64_t pages, uint64_t max_pfn)
{
	uint64_t bitmap = lb_align_up(max_pfn / LB_BYTE_BITS + 1, LB_PAGE);
	uint64_t kdump_headers = 2 * LB_PAGE;

	// The last page is the one that all pages of zeroes share.
	return LB_DUMP_SLOTS_BYTES + LB_DUMP_LOG_MAX + LB_DUMP_REPORT_MAX + kdump_headers + NOTES +
	       BITMAPS * bitmap + lb_align_up(pages * PAGE_DESC, LB_PAGE) + pages * LB_PAGE + LB_PAGE;
}
