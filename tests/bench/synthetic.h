// SPDX-License-Identifier: BSD-2-Clause
// A dead machine of any size that takes no memory: each page is made when it is read. RAM is one piece. The
// first part is the kernel's: image, tables, slab, the array of struct pages. Of the rest the lower part is
// page cache in pages of 4 KiB, and the upper part is free, in blocks of 4 MiB.
#ifndef LIFEBOAT_TESTS_BENCH_SYNTHETIC_H
#define LIFEBOAT_TESTS_BENCH_SYNTHETIC_H

#include "crash/dump/dump.h"

struct synthetic {
	uint64_t frames; // page frames of RAM
	// Page frames: the kernel's end at kernel_end, page cache ends at cache_end.
	uint64_t kernel_end, cache_end;
	uint64_t struct_pages; // physical address of the array of struct pages, which ends at kernel_end
	uint8_t *tables; // page tables and mem_section, which lie from TABLES_AT on
	uint64_t tables_bytes;
	uint64_t noise[LB_PAGE / 8]; // content of a slab page
	struct lb_ram_piece piece;
	struct lb_ram ram;
	struct lb_physmem mem;
	struct lb_deadspace dead;
	char info[2048];
	uint8_t page[LB_MAX_CAPTURE_CPUS + 1][LB_PAGE]; // the page made last, for each CPU and for dead.mem
};

// Makes a machine of `bytes` (a multiple of 1 GiB, from 4 GiB to 64 TiB), of which `percent` are used.
void synthetic_open(struct synthetic *machine, uint64_t bytes, unsigned int percent);

// For bench_old_page_by(): `ctx` is the machine.
const void *synthetic_page(void *ctx, uint32_t cpu, uint64_t phys);

#endif
