// SPDX-License-Identifier: BSD-2-Clause
// The walker behind walk.h: SDM 3A 4.5.4 "Linear-Address Translation with 4-Level
// Paging and 5-Level Paging", figures 4-8 to 4-11 and tables 4-14 to 4-20. It judges ident.c, so it shares
// no code and no table of levels with it.
#include "pgtable/walk.h"
#include "lib/mem.h"
#include "lifeboat/x86.h"

#define ENTRY_PAT_4K (1ULL << 7) // in a PTE, where larger leaves have PS

// One translation, and how far the answer reaches.
struct step {
	enum lb_walk_status status;
	struct lb_walk_leaf leaf; // page_size is always set: the bytes that the last entry covers
	uint64_t skip; // bytes from `virt` on with this same result
};

// SDM 1 3.3.7.1: the bits from the top translated one up are all equal.
static bool is_canonical(uint64_t virt, unsigned int bits)
{
	int64_t high = (int64_t)virt >> (bits - 1);

	return high == 0 || high == -1;
}

// Address bits 51:phys_bits.
static uint64_t reserved_address_bits(const struct lb_walk *walk)
{
	if (walk->phys_bits >= 52)
		return 0;
	return X86_PTE_ADDR & ~((1ULL << walk->phys_bits) - 1);
}

// Counts the absent entries from `index` on, this one included.
static unsigned int absent_run(const uint8_t *table, unsigned int index)
{
	unsigned int i = index;
	uint64_t entry;

	while (i < X86_PT_ENTRIES) {
		memcpy(&entry, table + i * sizeof(entry), sizeof(entry));
		if (entry & X86_PTE_P)
			break;
		i++;
	}
	return i - index;
}

// `entry` is present. `reserved`: the address bits that must be 0.
static bool has_reserved_bit(uint64_t entry, int level, uint64_t reserved)
{
	if (entry & X86_PTE_PS) {
		if (level >= 4)
			return true; // tables 4-14, 4-15: bit 7 of a PML5E and a PML4E
		if (level == 3)
			reserved |= 0x3fffe000ULL; // table 4-16: bits 29:13
		else if (level == 2)
			reserved |= 0x1fe000ULL; // table 4-18: bits 20:13
	}
	return entry & reserved;
}

// The flags of a leaf: the walk-wide ones in `combined`, PAT in one place.
static uint64_t leaf_flags(uint64_t entry, int level, uint64_t combined)
{
	uint64_t flags = entry & (X86_PTE_P | X86_PTE_PWT | X86_PTE_PCD | X86_PTE_A | X86_PTE_D);

	if (level > 1)
		flags |= entry & (X86_PTE_PS | LB_WALK_PAT);
	else if (entry & ENTRY_PAT_4K)
		flags |= LB_WALK_PAT;
	return flags | combined;
}

static struct step translate(const struct lb_walk *walk, uint64_t virt)
{
	const int levels = walk->la57 ? 5 : 4;
	const unsigned int bits = walk->la57 ? 57 : 48;
	const uint64_t reserved = reserved_address_bits(walk);
	uint64_t table = walk->cr3 & X86_PTE_ADDR;
	uint64_t writable_user = X86_PTE_W | X86_PTE_U; // 4.6: clear in one entry is clear
	uint64_t no_execute = 0; // 4.6: set in one entry is set
	struct step step = {0};

	if (!is_canonical(virt, bits)) {
		// The hole ends where the upper half begins.
		step.status = LB_WALK_NOT_CANONICAL;
		step.skip = -(1ULL << (bits - 1)) - virt;
		return step;
	}
	step.leaf.page_size = 1ULL << bits; // until an entry has been read
	step.skip = step.leaf.page_size - (virt & (step.leaf.page_size - 1));
	step.status = LB_WALK_RESERVED_BIT; // CR3: MOV to it would have faulted
	if (!walk->hostile && (table & reserved))
		return step;

	for (int level = levels;; level--) { // level 1 always returns
		const unsigned int shift = 12 + 9 * (level - 1);
		const unsigned int index = (virt >> shift) & (X86_PT_ENTRIES - 1);
		const uint8_t *page = lb_physmem_page(walk->mem, table & ~reserved);
		uint64_t entry;

		if (!page) {
			step.status = LB_WALK_UNREADABLE;
			return step;
		}
		memcpy(&entry, page + index * sizeof(entry), sizeof(entry));
		step.leaf.page_size = 1ULL << shift;
		step.skip = step.leaf.page_size - (virt & (step.leaf.page_size - 1));
		if (!(entry & X86_PTE_P)) {
			step.status = LB_WALK_NOT_PRESENT;
			step.skip += (uint64_t)(absent_run(page, index) - 1) << shift;
			return step;
		}
		if (has_reserved_bit(entry, level, walk->hostile ? 0 : reserved)) {
			step.status = LB_WALK_RESERVED_BIT;
			return step;
		}
		writable_user &= entry;
		no_execute |= entry & X86_PTE_NX;
		table = entry & X86_PTE_ADDR & ~reserved;

		if (level == 1 || (entry & X86_PTE_PS)) {
			uint64_t offset_mask = step.leaf.page_size - 1;

			step.status = LB_WALK_MAPPED;
			step.leaf.phys = (table & ~offset_mask) | (virt & offset_mask);
			step.leaf.flags = leaf_flags(entry, level, writable_user | no_execute);
			return step;
		}
	}
}

enum lb_walk_status lb_walk(const struct lb_walk *walk, uint64_t virt, struct lb_walk_leaf *ret_leaf)
{
	struct step step = translate(walk, virt);

	if (step.status == LB_WALK_MAPPED || step.status == LB_WALK_NOT_PRESENT)
		*ret_leaf = step.leaf;
	return step.status;
}

bool lb_walk_next(const struct lb_walk *walk, uint64_t virt, uint64_t end, uint64_t *ret_virt,
		  struct lb_walk_leaf *ret_leaf)
{
	for (uint32_t steps = 0; virt < end && steps < LB_WALK_NEXT_STEPS; steps++) {
		struct step step = translate(walk, virt);

		if (step.status == LB_WALK_MAPPED) {
			*ret_virt = virt;
			*ret_leaf = step.leaf;
			return true;
		}
		if (__builtin_add_overflow(virt, step.skip, &virt))
			return false;
	}
	return false;
}
