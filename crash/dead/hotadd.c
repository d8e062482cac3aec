// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/hotadd.h"

#include "lib/mem.h"
#include "lifeboat/x86.h"

// The direct map's length, MAX_PHYSMEM_BITS; Linux adds no memory above it.
#define DIRECT_MAP_BITS_4LEVEL 46
#define DIRECT_MAP_BITS_5LEVEL 52
#define LARGEST_LEAF_LEVEL 3 // 1 GiB
#define LARGE_PAT (1ULL << 12) // not part of the address in a large leaf

struct search {
	const struct lb_physmem *mem;
	const struct lb_deadkernel *dead;
	uint32_t room;
	uint32_t pages_left;
	bool grew; // a range was added or became longer in this pass
	struct lb_hotadd *found;
};

// The tables' answer for the addresses from one on.
enum content {
	CONTENT_NONE, // not mapped, or not to themselves
	CONTENT_RAM,
	CONTENT_UNREADABLE,
};

struct span {
	enum content content;
	uint64_t bytes; // at least a page
};

bool lb_hotadd_is_ram(const struct lb_hotadd *hotadd, uint64_t phys)
{
	for (uint32_t i = 0; i < hotadd->count; i++) {
		if (hotadd->ranges[i].start <= phys && phys < hotadd->ranges[i].end)
			return hotadd->ranges[i].end - phys >= LB_PAGE;
	}
	return false;
}

uint64_t lb_hotadd_bytes(const struct lb_hotadd *hotadd)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < hotadd->count; i++)
		bytes += lb_range_size(hotadd->ranges[i]);
	return bytes;
}

static const uint64_t *read_table(struct search *search, uint64_t phys)
{
	if (search->pages_left == 0)
		return NULL;
	search->pages_left--;
	return lb_physmem_page(search->mem, phys);
}

static bool is_table(uint64_t entry, int level)
{
	return level > 1 && (entry & X86_PTE_P) && !(entry & X86_PTE_PS);
}

// An entry that is no table. Reserved bits set in it make the address another one.
static bool maps(uint64_t entry, int level, uint64_t phys)
{
	if (!(entry & X86_PTE_P) || level > LARGEST_LEAF_LEVEL)
		return false;
	if (level > 1)
		entry &= ~LARGE_PAT;
	return (entry & X86_PTE_ADDR) == phys;
}

// Measures the entries from `index` on that are of one kind. The first one's page is at `phys`, were it
// mapped to itself.
static struct span measure(const uint64_t *table, unsigned int index, int level, uint64_t phys)
{
	const uint64_t size = LB_PAGE << 9 * (level - 1);
	const bool mapped = maps(table[index], level, phys);
	uint64_t bytes = 0;

	while (index < X86_PT_ENTRIES && !is_table(table[index], level) &&
	       maps(table[index], level, phys + bytes) == mapped) {
		bytes += size;
		index++;
	}
	return (struct span){mapped ? CONTENT_RAM : CONTENT_NONE, bytes};
}

static struct span look(struct search *search, uint64_t phys)
{
	const uint64_t virt = search->dead->page_offset + phys;
	uint64_t table = search->dead->space.cr3 & X86_PTE_ADDR;

	for (int level = search->dead->space.la57 ? 5 : 4;; level--) { // level 1 always returns
		const unsigned int shift = 12 + 9 * (level - 1);
		const unsigned int index = virt >> shift & (X86_PT_ENTRIES - 1);
		const uint64_t inside = virt & ((1ULL << shift) - 1);
		const uint64_t *entries = read_table(search, table);
		struct span span;

		if (!entries)
			return (struct span){CONTENT_UNREADABLE,
					     ((uint64_t)(X86_PT_ENTRIES - index) << shift) - inside};
		if (is_table(entries[index], level)) {
			table = entries[index] & X86_PTE_ADDR;
			continue;
		}
		span = measure(entries, index, level, phys - inside);
		span.bytes -= inside;
		return span;
	}
}

// Adds `ram` to the ranges, one with those it touches.
static void keep(struct search *search, struct lb_range ram)
{
	struct lb_hotadd *found = search->found;
	uint32_t first = 0, last;

	while (first < found->count && found->ranges[first].end < ram.start)
		first++;
	if (first < found->count && lb_range_contains(found->ranges[first], ram))
		return;
	for (last = first; last < found->count && found->ranges[last].start <= ram.end; last++) {
		if (found->ranges[last].start < ram.start)
			ram.start = found->ranges[last].start;
		if (found->ranges[last].end > ram.end)
			ram.end = found->ranges[last].end;
	}
	if (last == first && found->count >= search->room) {
		found->missing++;
		found->missing_bytes += lb_range_size(ram);
		return;
	}
	memmove(&found->ranges[first + 1], &found->ranges[last],
		(found->count - last) * sizeof(found->ranges[0]));
	found->ranges[first] = ram;
	found->count = found->count - last + first + 1;
	search->grew = true;
}

// The section of `phys` or as much of it as lies in `where`, to the end of that of `last`.
static struct lb_range sections(uint64_t phys, uint64_t last, struct lb_range where)
{
	struct lb_range whole = {lb_align_down(phys, LB_HOTADD_SECTION),
				 lb_align_down(last, LB_HOTADD_SECTION) + LB_HOTADD_SECTION};

	return lb_range_intersect(whole, where);
}

static void find_in(struct search *search, struct lb_range where)
{
	struct lb_range ram = {where.start, where.start};
	uint64_t phys = where.start;

	while (phys < where.end) {
		struct span span = look(search, phys);
		uint64_t bytes = span.bytes < where.end - phys ? span.bytes : where.end - phys;
		struct lb_range more;

		if (span.content == CONTENT_UNREADABLE)
			search->found->unsearched_bytes += bytes;
		if (span.content != CONTENT_RAM) {
			phys += bytes;
			continue;
		}
		more = sections(phys, phys + bytes - 1, where);
		if (more.start != ram.end) {
			if (!lb_range_empty(ram))
				keep(search, ram);
			ram.start = more.start;
		}
		phys = ram.end = more.end;
	}
	if (!lb_range_empty(ram))
		keep(search, ram);
}

// The part of `where` that the direct map can show. A base that hostile tables made up
// may lie so high that the addresses would wrap.
static struct lb_range clip(const struct lb_deadkernel *dead, struct lb_range where)
{
	uint64_t end = 1ULL << (dead->space.la57 ? DIRECT_MAP_BITS_5LEVEL : DIRECT_MAP_BITS_4LEVEL);

	if (end > -dead->page_offset)
		end = -dead->page_offset;
	return lb_range_intersect(where, (struct lb_range){0, end});
}

void lb_hotadd_find(const struct lb_physmem *mem, const struct lb_deadkernel *dead,
		    const struct lb_range *where, uint32_t where_count, uint32_t room,
		    struct lb_hotadd *ret_hotadd)
{
	struct search search = {
		.mem = mem,
		.dead = dead,
		.room = room < LB_HOTADD_MAX ? room : LB_HOTADD_MAX,
		.pages_left = LB_HOTADD_PAGES,
		.found = ret_hotadd,
	};

	memset(ret_hotadd, 0, sizeof(*ret_hotadd));
	if (!dead->has_page_offset) {
		for (uint32_t i = 0; i < where_count; i++)
			ret_hotadd->unsearched_bytes += lb_range_size(where[i]);
		return;
	}
	do { // again for tables in what was just found
		search.grew = false;
		ret_hotadd->missing = 0;
		ret_hotadd->missing_bytes = 0;
		ret_hotadd->unsearched_bytes = 0;
		for (uint32_t i = 0; i < where_count; i++)
			find_in(&search, clip(dead, where[i]));
	} while (search.grew && ret_hotadd->unsearched_bytes);
}
