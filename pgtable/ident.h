// SPDX-License-Identifier: BSD-2-Clause
// Identity page tables that map a list of ranges and nothing else.
//
// Two calls: lb_ident_count() says how many table pages a list needs,
// lb_ident_build() fills the caller's buffer with exactly that many. Leaves are
// the largest that lie wholly inside what was asked for; nothing is ever rounded
// up: speculation into a wrongly mapped reserved area halts some machines (the
// 2017 and 2024 ident_map threads; HPE UV). A 4-level and a 5-level root share
// every table below. Entries are built with Accessed and Dirty set, so that the
// CPU never writes to the tables and a digest of them stays true.
// Source: Intel SDM 3A chapter 4, AMD APM 2 chapter 5.
#ifndef LIFEBOAT_PGTABLE_IDENT_H
#define LIFEBOAT_PGTABLE_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lifeboat/handoff.h"
#include "lifeboat/range.h"

enum lb_memtype {
	LB_MEM_WB = 0, // PAT entry 0: write-back
	LB_MEM_UC = 1, // PCD|PWT, PAT entry 3: uncached
};

struct lb_ident_range {
	struct lb_range range; // 4 KiB aligned, not empty, below 1 << phys_bits
	enum lb_memtype type;
};

struct lb_ident_request {
	const struct lb_ident_range *ranges; // any order; overlaps must agree in type
	size_t count; // 0: nothing but the roots and the windows
	unsigned int phys_bits; // CPUID 80000008h EAX[7:0], 36 to 52
	bool gib_pages; // CPUID 80000001h EDX[26]
	bool root4; // build a PML4 root (needs every range below 1 << 47: above, 4 levels are
		// not canonical)
	bool root5; // build a PML5 root
	uint64_t windows; // a 4 KiB aligned address below 1 GiB: this page and the next
		// become the two windows, not present; must not be in any range.
		// 0: no windows.
};

struct lb_ident_size {
	size_t pages; // all tables, roots included
	size_t pml5, pml4, pdpt, pd, pt; // by kind, in pages
	uint64_t leaves_4k, leaves_2m, leaves_1g;
};

struct lb_ident_tables {
	uint64_t cr3_4level; // 0 if not asked for
	uint64_t cr3_5level;
	struct lb_window window; // write-back
	struct lb_window device_window; // uncached
	struct lb_ident_size size;
};

enum lb_ident_status {
	LB_IDENT_OK = 0,
	LB_IDENT_UNALIGNED, // a range is not 4 KiB aligned
	LB_IDENT_EMPTY, // a range is empty or wraps around
	LB_IDENT_TOO_HIGH, // a range ends above 1 << phys_bits, or above 1 << 47 with root4
	LB_IDENT_CONFLICT, // two overlapping ranges differ in type, or a window is mapped
	LB_IDENT_BAD_OPTION, // no root, phys_bits out of range, windows or buffer unaligned or too high
	LB_IDENT_NO_ROOM, // the buffer is smaller than the count
};

// Counts what building `request` takes. *ret_size is written only on LB_IDENT_OK.
enum lb_ident_status lb_ident_count(const struct lb_ident_request *request, struct lb_ident_size *ret_size);

// Builds the tables into `buffer` (page-aligned, `buffer_pages` pages, will lie at
// physical `buffer_phys` when used; zeroed here). Tables are taken bottom-up from
// its beginning. *ret_tables is written only on LB_IDENT_OK.
enum lb_ident_status lb_ident_build(const struct lb_ident_request *request, void *buffer, size_t buffer_pages,
				    uint64_t buffer_phys, struct lb_ident_tables *ret_tables);

const char *lb_ident_status_text(enum lb_ident_status status);

#endif
