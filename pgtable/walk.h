// SPDX-License-Identifier: BSD-2-Clause
// A page walk as the CPU does it, written from the manual (SDM 3A 4.5) and from
// nothing in ident.c: it judges what ident.c builds, and reads the dead kernel's
// tables, which are hostile input: bits above the physical width are ignored in
// hostile mode, every table must be readable through `mem`, every loop is bounded.
#ifndef LIFEBOAT_PGTABLE_WALK_H
#define LIFEBOAT_PGTABLE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "lifeboat/physmem.h"

struct lb_walk {
	const struct lb_physmem *mem;
	uint64_t cr3; // bits 51:12 are used
	bool la57; // 5 levels
	unsigned int phys_bits; // CPUID 80000008h EAX[7:0]
	bool hostile; // mask address bits from phys_bits up instead of LB_WALK_RESERVED_BIT
};

// The PAT bit, here whatever the page size (in a PTE itself it is bit 7, SDM 3A table 4-20).
#define LB_WALK_PAT (1ULL << 12)

// One lb_walk_next() looks at this many entries or runs of absent entries before it gives up: real kernels
// need a few hundred, tables made to keep us busy have 1 << 45.
#define LB_WALK_NEXT_STEPS (1U << 20)

enum lb_walk_status {
	LB_WALK_MAPPED = 0,
	LB_WALK_NOT_PRESENT,
	LB_WALK_NOT_CANONICAL,
	LB_WALK_RESERVED_BIT, // the CPU would fault: bit above phys_bits, PS in PML4/PML5, low bits of a leaf
	LB_WALK_UNREADABLE, // `mem` cannot read a table
};

struct lb_walk_leaf {
	uint64_t phys; // of the very byte asked for
	uint64_t page_size; // 4 KiB, 2 MiB, 1 GiB; when not present: how much the absent entry covers
	uint64_t flags; // of the leaf: P PWT PCD A D PS (larger than 4 KiB) LB_WALK_PAT; over all
		// levels: W, U (clear in one is clear), NX (set in one is set)
};

// Translates `virt`. *ret_leaf is written on MAPPED, and on NOT_PRESENT with
// page_size only, so that a caller can step over holes.
enum lb_walk_status lb_walk(const struct lb_walk *walk, uint64_t virt, struct lb_walk_leaf *ret_leaf);

// The first mapped address in [virt, end), skipping whole what is absent, not
// canonical, reserved or unreadable. False when there is none, or none was found
// in LB_WALK_NEXT_STEPS.
bool lb_walk_next(const struct lb_walk *walk, uint64_t virt, uint64_t end, uint64_t *ret_virt,
		  struct lb_walk_leaf *ret_leaf);

#endif
