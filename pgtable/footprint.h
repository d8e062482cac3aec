// SPDX-License-Identifier: BSD-2-Clause
// What a crash jump costs, without building anything: bytes of page tables under
// eight ways of choosing what to map, and bytes of section tables in the second
// kernel. Closed forms over the caller's lists: one pass a level, no allocation,
// nothing that grows with the size of memory. Tests count the same tables one by
// one and assert that both agree.
//
// A table of a level covers a fixed span: PT 2 MiB, PD 1 GiB, PDPT 512 GiB, PML4
// 256 TiB, PML5 everything. A policy has a smallest and a largest leaf: the largest
// that lies wholly inside a range is used, and the smallest wherever a range touches.
// So at each level above the smallest leaf
//
//	tables = slots of one span that some range touches - those that are one leaf
//
// and bytes = 4 KiB * (PML5 + PML4 + folded + PDPT + PD + PT).
//
// Twenty-four TiB of RAM without holes: 24576 PDs = 96 MiB with 2 MiB leaves
// (4 MiB/TiB); 48 PDPTs = 192 KiB with 1 GiB leaves; in today's Linux 48 PDPTs, one
// folded page for each of them, and the root: (2 * 48 + 1) * 4 KiB = 388 KiB.
#ifndef LIFEBOAT_PGTABLE_FOOTPRINT_H
#define LIFEBOAT_PGTABLE_FOOTPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lifeboat/range.h"

// Policies are shown in this order. "RAM" policies trim each range inwards to 4 KiB first, as Linux does
// (memblock_trim_memory()).
enum lb_footprint_policy {
	LB_FOOTPRINT_OURS, // request.ours and the windows, exact, under the roots asked for: ident.h
	LB_FOOTPRINT_CRASH_EXACT, // request.crash alone, exact, under one root
	LB_FOOTPRINT_CRASH_2M, // request.crash, 2 MiB leaves rounded out: the 2017 patch
	LB_FOOTPRINT_RAM_4K, // all RAM, 4 KiB leaves
	LB_FOOTPRINT_RAM_2M, // all RAM, 2 MiB leaves rounded out
	LB_FOOTPRINT_RAM_1G, // all RAM, whole GiBs with 1 GiB leaves, ends with 2 MiB ones: as in 2017
	LB_FOOTPRINT_LINUX_TODAY, // the same as Linux does it now: with 4 levels it wastes a folded one
	LB_FOOTPRINT_LINUX_510, // 1 GiB leaves rounded outwards over anything, as Linux 5.10; folded too
	LB_FOOTPRINT_POLICIES,
};

// Every list: ascending, no range empty, a gap between any two
// (lb_footprint_tidy() makes it so). All of it is write-back.
struct lb_footprint_request {
	const struct lb_range *ram; // all RAM, bytes; ends need not be on pages
	size_t ram_count;
	const struct lb_range *crash; // 4 KiB aligned: low 1 MiB, crash regions
	size_t crash_count;
	const struct lb_range *ours; // 4 KiB aligned: crash and the hook's image, as given to ident.h
	size_t ours_count;
	uint64_t windows; // as in lb_ident_request, for OURS; 0: none
	bool gib_pages; // CPUID 80000001h EDX[26]; without, 1 GiB leaves become 2 MiB ones
	bool la57; // 5 levels; ours has then both roots when `root4` is set
	bool root4; // OURS has a 4-level root; without la57 it has one in any case
};

struct lb_footprint {
	uint64_t pml5, pml4, pdpt, pd, pt; // tables, by kind
	uint64_t folded; // pages taken for a level that 4-level paging does not have
	uint64_t leaves_4k, leaves_2m, leaves_1g; // entries that map memory
	uint64_t bytes; // of all tables and folded pages, roots included
};

enum lb_footprint_status {
	LB_FOOTPRINT_OK = 0,
	LB_FOOTPRINT_UNSORTED, // a list is not ascending, or has ranges that are empty, touch or overlap
	LB_FOOTPRINT_UNALIGNED, // a crash range or the windows are not 4 KiB aligned
	LB_FOOTPRINT_TOO_HIGH, // a range ends above 1 << 47 (4 levels) or 1 << 52 (5 levels)
	LB_FOOTPRINT_WINDOW_TAKEN, // the windows lie in a range of `ours`, or end above 1 GiB
};

// *ret_footprint is written only on LB_FOOTPRINT_OK.
enum lb_footprint_status lb_footprint(const struct lb_footprint_request *request,
				      enum lb_footprint_policy policy, struct lb_footprint *ret_footprint);

// The policy's name, "ours", "crash-2m", …, fit for a CSV header; and one line that explains it.
const char *lb_footprint_policy_name(enum lb_footprint_policy policy);
const char *lb_footprint_policy_text(enum lb_footprint_policy policy);
const char *lb_footprint_status_text(enum lb_footprint_status status);

// Sorts `ranges` in place, drops empty ones, joins those that touch or overlap. Returns how many are left.
size_t lb_footprint_tidy(struct lb_range *ranges, size_t count);

// What the second kernel spends on knowing its memory. Linux on x86-64 keeps a
// struct page (64 bytes) for each page of every section (128 MiB) in which there is
// some RAM, and a struct mem_section (16 bytes) for each section, in pages of 256
// that are there only when one of them is; pointers to these pages are one table as
// long as the address space (1 << 46 bytes with 4 levels, 1 << 52 with 5).
// Sources: include/linux/mmzone.h, arch/x86/include/asm/sparsemem.h, mm/sparse.c.
//
// Until 4.19 sparse_init() took two arrays of pointers for the time of boot, one
// element for every section of the address space, present or not: 8 MiB with 4
// levels, 512 MiB with 5. The 2018 thread sized them by what is present.
struct lb_footprint_sections {
	uint64_t present; // sections that hold RAM of the list
	uint64_t whole; // sections of the address space: 1 << 19 or 1 << 25
	uint64_t roots_bytes; // pointers to pages of struct mem_section: 16 KiB or 1 MiB
	uint64_t tables_bytes; // pages of struct mem_section, present ones
	uint64_t usage_bytes; // struct mem_section_usage of present sections
	uint64_t memmap_bytes; // struct page of present sections: 2 MiB each
	uint64_t total_bytes; // the four above
	uint64_t temporary_present_bytes; // the two arrays, for present sections
	uint64_t temporary_whole_bytes; // the two arrays, for the whole address space
	uint64_t tables_whole_bytes; // struct mem_section for the whole address space
};

// `ram`: what is RAM in the second kernel (ascending, disjoint): the low 1 MiB and
// its crash regions, or all RAM for comparison. RAM above the address space Linux
// knows is LB_FOOTPRINT_TOO_HIGH.
enum lb_footprint_status lb_footprint_sections(const struct lb_range *ram, size_t count, bool la57,
					       struct lb_footprint_sections *ret_sections);

#endif
