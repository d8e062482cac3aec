// SPDX-License-Identifier: BSD-2-Clause
#include "per_page.h"

#include "lifeboat/x86.h"

#define TABLE (X86_PTE_P | X86_PTE_W | X86_PTE_A)
#define LEAF (TABLE | X86_PTE_D)
#define ROOT_SHIFT 39

struct arena {
	uint64_t (*tables)[X86_PT_ENTRIES];
	size_t pages, taken;
	uint64_t phys;
};

// Returns the table that `entry` leads to, and makes it if there is none.
static uint64_t *next_table(struct arena *arena, uint64_t *entry)
{
	if (!(*entry & X86_PTE_P)) {
		if (arena->taken == arena->pages)
			return NULL;
		*entry = (arena->phys + arena->taken++ * LB_PAGE) | TABLE;
	}
	return arena->tables[((*entry & X86_PTE_ADDR) - arena->phys) / LB_PAGE];
}

static bool map_one(struct arena *arena, uint64_t address, unsigned int leaf_shift)
{
	uint64_t *table = arena->tables[0];
	unsigned int shift = ROOT_SHIFT;

	for (; shift > leaf_shift; shift -= 9) {
		table = next_table(arena, &table[address >> shift & (X86_PT_ENTRIES - 1)]);
		if (!table)
			return false;
	}
	table[address >> shift & (X86_PT_ENTRIES - 1)] = address | LEAF | (shift > 12 ? X86_PTE_PS : 0);
	return true;
}

static unsigned int leaf_shift_at(uint64_t address, uint64_t end, bool gib_pages)
{
	if (gib_pages && lb_aligned(address, LB_GIB) && end - address >= LB_GIB)
		return 30;
	return lb_aligned(address, 2 * LB_MIB) && end - address >= 2 * LB_MIB ? 21 : 12;
}

size_t per_page_build(const struct lb_range *ranges, size_t count, bool gib_pages, void *buffer, size_t pages,
		      uint64_t phys)
{
	struct arena arena = {.tables = buffer, .pages = pages, .taken = 1, .phys = phys};

	for (size_t i = 0; i < count; i++) {
		uint64_t address = ranges[i].start;

		while (address < ranges[i].end) {
			unsigned int shift = leaf_shift_at(address, ranges[i].end, gib_pages);

			if (!map_one(&arena, address, shift))
				return 0;
			address += 1ULL << shift;
		}
	}
	return arena.taken;
}
