// SPDX-License-Identifier: BSD-2-Clause
// Compares the formulas of pgtable/footprint.c with tables that are built: a tree is filled leaf by leaf, by
// each policy's own rule, and its tables are counted. Lifeboat's own tables are counted by ident.c too.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/plan/place.h"
#include "each_map.h"
#include "lifeboat/x86.h"
#include "pgtable/footprint.h"
#include "pgtable/ident.h"
#include "unit.h"

#define LISTS 1500 // number of random requests
#define MAX_RANGES 8
#define WINDOWS (2 * LB_MIB - 2 * LB_PAGE)
#define COUNTED_MAX (16 * LB_TIB) // the most memory that a test fills leaf by leaf

// ---- the judge: a tree of tables -------------------------------------------

// A table above the PTs. In a PD an entry is LEAF or TABLE: what a PT holds does not matter. In the tables
// above, an entry is LEAF or another node.
struct node {
	struct node *entries[X86_PT_ENTRIES];
};
static struct node leaf_mark, table_mark;
#define LEAF (&leaf_mark)
#define TABLE (&table_mark)

struct tree {
	struct node *root;
	unsigned int levels; // 4 or 5
	bool folds; // counts as Linux does: one page more for each entry of a PML4 root
	struct lb_footprint found;
};

static struct node *new_node(void)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		abort();
	return node;
}

static uint64_t *counter_of(struct lb_footprint *found, unsigned int level)
{
	uint64_t *const counters[] = {NULL, &found->pt, &found->pd, &found->pdpt, &found->pml4, &found->pml5};

	return counters[level];
}

static struct tree new_tree(unsigned int levels)
{
	struct tree tree = {.root = new_node(), .levels = levels};

	*counter_of(&tree.found, levels) = 1;
	return tree;
}

static void free_node(struct node *node, unsigned int level)
{
	for (unsigned int i = 0; level > 2 && i < X86_PT_ENTRIES; i++) {
		if (node->entries[i] && node->entries[i] != LEAF)
			free_node(node->entries[i], level - 1);
	}
	free(node);
}

static unsigned int index_at(uint64_t address, unsigned int level)
{
	return (address >> (12 + 9 * (level - 1))) & (X86_PT_ENTRIES - 1);
}

// Returns the entry at `level` for `address`. Makes the tables above it that are missing.
static struct node **entry_for(struct tree *tree, uint64_t address, unsigned int level)
{
	struct node *node = tree->root;

	for (unsigned int at = tree->levels; at > level; at--) {
		struct node **entry = &node->entries[index_at(address, at)];

		if (!*entry) {
			*entry = new_node();
			++*counter_of(&tree->found, at - 1);
			if (at == 4 && tree->levels == 4 && tree->folds)
				tree->found.folded++;
		}
		assert_ptr_not_equal(*entry, LEAF); // no address is mapped both by a leaf and by a table
		node = *entry;
	}
	return &node->entries[index_at(address, level)];
}

// Adds a leaf to a PDPT (level 3) or PD (level 2), unless the entry is a leaf already.
static void add_leaf(struct tree *tree, uint64_t address, unsigned int level)
{
	struct node **entry = entry_for(tree, address, level);

	if (*entry == LEAF)
		return;
	assert_null(*entry);
	*entry = LEAF;
	++*(level == 3 ? &tree->found.leaves_1g : &tree->found.leaves_2m);
}

static void add_pt(struct tree *tree, uint64_t address)
{
	struct node **entry = entry_for(tree, address, 2);

	assert_ptr_not_equal(*entry, LEAF);
	if (!*entry) {
		*entry = TABLE;
		tree->found.pt++;
	}
}

static uint64_t earlier(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

// Adds pages up to the end of the 2 MiB slot; returns the end of what it added.
static uint64_t add_small_pages(struct tree *tree, uint64_t address, uint64_t end)
{
	uint64_t next = earlier(lb_align_down(address, 2 * LB_MIB) + 2 * LB_MIB, end);

	add_pt(tree, address);
	tree->found.leaves_4k += (next - address) / LB_PAGE;
	return next;
}

static void add_exact(struct tree *tree, struct lb_range range, bool gib_pages)
{
	uint64_t address = range.start;

	while (address < range.end) {
		uint64_t left = range.end - address;

		if (gib_pages && lb_aligned(address, LB_GIB) && left >= LB_GIB) {
			add_leaf(tree, address, 3);
			address += LB_GIB;
		} else if (lb_aligned(address, 2 * LB_MIB) && left >= 2 * LB_MIB) {
			add_leaf(tree, address, 2);
			address += 2 * LB_MIB;
		} else {
			address = add_small_pages(tree, address, range.end);
		}
	}
}

static void add_4k(struct tree *tree, struct lb_range range)
{
	for (uint64_t address = range.start; address < range.end;)
		address = add_small_pages(tree, address, range.end);
}

static void add_2m_out(struct tree *tree, struct lb_range range)
{
	uint64_t address = lb_align_down(range.start, 2 * LB_MIB);

	for (; address < range.end; address += 2 * LB_MIB)
		add_leaf(tree, address, 2);
}

// Adds a range GiB by GiB.
static void add_1g(struct tree *tree, struct lb_range range, bool sloppy)
{
	uint64_t next;

	for (uint64_t address = range.start; address < range.end; address = next) {
		next = earlier(lb_align_down(address, LB_GIB) + LB_GIB, range.end);
		if (sloppy || (lb_aligned(address, LB_GIB) && lb_aligned(next, LB_GIB)))
			add_leaf(tree, address, 3);
		else
			add_2m_out(tree, (struct lb_range){address, next});
	}
}

static void add_by_policy(struct tree *tree, enum lb_footprint_policy policy, struct lb_range range,
			  bool gib_pages)
{
	switch (policy) {
	case LB_FOOTPRINT_OURS:
	case LB_FOOTPRINT_CRASH_EXACT:
		add_exact(tree, range, gib_pages);
		return;
	case LB_FOOTPRINT_RAM_4K:
		add_4k(tree, range);
		return;
	case LB_FOOTPRINT_RAM_1G:
	case LB_FOOTPRINT_LINUX_TODAY:
	case LB_FOOTPRINT_LINUX_510:
		if (gib_pages) {
			add_1g(tree, range, policy == LB_FOOTPRINT_LINUX_510);
			return;
		}
		break;
	default:
		break;
	}
	add_2m_out(tree, range);
}

// Returns the whole pages of the range; empty if there are none.
static struct lb_range trimmed(struct lb_range range)
{
	const uint64_t start = lb_align_up(range.start, LB_PAGE), end = lb_align_down(range.end, LB_PAGE);

	return (struct lb_range){start, start < end ? end : start};
}

static uint64_t tables_of(const struct lb_footprint *found)
{
	return found->pml5 + found->pml4 + found->folded + found->pdpt + found->pd + found->pt;
}

static struct lb_footprint counted(const struct lb_footprint_request *request,
				   enum lb_footprint_policy policy)
{
	const bool ours = policy == LB_FOOTPRINT_OURS;
	const bool linux_does = policy == LB_FOOTPRINT_LINUX_TODAY || policy == LB_FOOTPRINT_LINUX_510;
	const bool both = ours && request->la57 && request->root4;
	struct tree tree = new_tree(request->la57 && !both ? 5 : 4);
	const struct lb_range *ranges = request->ram;
	size_t count = request->ram_count;

	tree.folds = linux_does;
	if (ours || policy == LB_FOOTPRINT_CRASH_EXACT || policy == LB_FOOTPRINT_CRASH_2M) {
		ranges = ours ? request->ours : request->crash;
		count = ours ? request->ours_count : request->crash_count;
	}
	for (size_t i = 0; i < count; i++) {
		if (!lb_range_empty(trimmed(ranges[i])))
			add_by_policy(&tree, policy, trimmed(ranges[i]), request->gib_pages);
	}
	if (ours && request->windows) {
		add_pt(&tree, request->windows);
		add_pt(&tree, request->windows + LB_PAGE);
	}
	if (both)
		tree.found.pml5 = 1; // the 5-level root above the 4-level one
	free_node(tree.root, tree.levels);
	tree.found.bytes = tables_of(&tree.found) * LB_PAGE;
	return tree.found;
}

static void assert_footprints_equal(const char *name, enum lb_footprint_policy policy,
				    const struct lb_footprint *one, const struct lb_footprint *other)
{
	if (memcmp(one, other, sizeof(*one)) != 0)
		fail_msg("%s, %s: computed %lu bytes, counted %lu", name, lb_footprint_policy_name(policy),
			 one->bytes, other->bytes);
}

// For the policy OURS the sizes are also those that ident.c computes before it builds.
static void judge_ours(const struct lb_footprint_request *request, const struct lb_footprint *ours)
{
	struct lb_ident_range ranges[MAX_RANGES];
	struct lb_ident_request ident = {
		.ranges = ranges,
		.count = request->ours_count,
		.phys_bits = 52,
		.gib_pages = request->gib_pages,
		.root4 = request->root4 || !request->la57,
		.root5 = request->la57,
		.windows = request->windows,
	};
	struct lb_ident_size size;

	assert_in_range(ident.count, 0, MAX_RANGES);
	for (size_t i = 0; i < ident.count; i++)
		ranges[i] = (struct lb_ident_range){request->ours[i], LB_MEM_WB};
	assert_int_equal(lb_ident_count(&ident, &size), LB_IDENT_OK);
	assert_int_equal(ours->bytes, size.pages * LB_PAGE);
	assert_int_equal(ours->pml5, size.pml5);
	assert_int_equal(ours->pml4, size.pml4);
	assert_int_equal(ours->pdpt, size.pdpt);
	assert_int_equal(ours->pd, size.pd);
	assert_int_equal(ours->pt, size.pt);
	assert_int_equal(ours->leaves_4k, size.leaves_4k);
	assert_int_equal(ours->leaves_2m, size.leaves_2m);
	assert_int_equal(ours->leaves_1g, size.leaves_1g);
}

static void judge_request(const char *name, const struct lb_footprint_request *request)
{
	for (enum lb_footprint_policy policy = 0; policy < LB_FOOTPRINT_POLICIES; policy++) {
		struct lb_footprint computed, found;

		assert_int_equal(lb_footprint(request, policy, &computed), LB_FOOTPRINT_OK);
		found = counted(request, policy);
		assert_footprints_equal(name, policy, &computed, &found);
		if (policy == LB_FOOTPRINT_OURS)
			judge_ours(request, &computed);
	}
}

// ---- random requests -------------------------------------------------------

static uint64_t random_state; // state of xorshift64*, which gives the same lists in every run

static uint64_t random_below(uint64_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1dULL >> 11) % limit;
}

static uint64_t random_unit(void)
{
	static const uint64_t units[] = {LB_PAGE, 2 * LB_MIB, LB_GIB, 512 * LB_GIB};

	return units[random_below(4)];
}

// Makes ranges that end near multiples of what a table covers, up to `limit`. `bytes`: ends need not be at
// pages.
static size_t random_list(struct lb_range *ranges, uint64_t limit, bool bytes)
{
	size_t count = random_below(MAX_RANGES + 1);

	for (size_t i = 0; i < count; i++) {
		uint64_t start = random_below(limit);
		uint64_t size;

		start = lb_align_down(start, random_unit()) + random_below(3) * LB_PAGE;
		size = random_below(3) * LB_GIB + random_below(4) * 2 * LB_MIB + random_below(4) * LB_PAGE;
		if (i > 0 && random_below(2)) // a small hole, so that both ranges often share a table
			start = ranges[i - 1].end + random_below(3) * random_below(5) * LB_PAGE;
		if (bytes)
			start += random_below(2) * random_below(LB_PAGE);
		ranges[i] = (struct lb_range){start, start + size + (bytes ? random_below(99) : 0)};
		if (ranges[i].end > limit)
			ranges[i] = (struct lb_range){limit - LB_PAGE, limit};
	}
	return lb_footprint_tidy(ranges, count);
}

static void test_random_requests(void **state)
{
	struct lb_range ram[MAX_RANGES], crash[MAX_RANGES], ours[MAX_RANGES];

	(void)state;
	random_state = 0x9e3779b97f4a7c15ULL;
	for (unsigned int i = 0; i < LISTS; i++) {
		struct lb_footprint_request request = {
			.ram = ram,
			.crash = crash,
			.ours = ours,
			.gib_pages = random_below(3) > 0,
			.la57 = random_below(2),
			.root4 = random_below(2),
		};
		const uint64_t limit = request.la57 ? 1ULL << 52 : 1ULL << 47;
		const uint64_t limit_ours = request.la57 && !request.root4 ? 1ULL << 52 : 1ULL << 47;
		struct lb_range windows = {WINDOWS, WINDOWS + 2 * LB_PAGE};
		bool taken = false;

		request.ram_count = random_list(ram, random_below(2) ? limit : 6 * LB_GIB, true);
		request.crash_count = random_list(crash, random_below(2) ? limit : 6 * LB_GIB, false);
		request.ours_count = random_list(ours, random_below(2) ? limit_ours : 6 * LB_GIB, false);
		if (random_below(2))
			windows.start = LB_PAGE * (1 + random_below(LB_GIB / LB_PAGE - 2));
		windows.end = windows.start + 2 * LB_PAGE;
		for (size_t j = 0; j < request.ours_count; j++)
			taken = taken || lb_range_overlaps(ours[j], windows);
		request.windows = taken ? 0 : windows.start;
		judge_request("random list", &request);
	}
}

// ---- whole maps ------------------------------------------------------------

// The low megabyte and, where there is room, a region as the loader places it.
static size_t crash_ranges(const struct lb_e820 *map, struct lb_range ret_crash[2])
{
	const struct lb_place_request request = {
		.bytes = 256 * LB_MIB, .align = 2 * LB_MIB, .min = 16 * LB_MIB, .max = LB_4GIB};

	ret_crash[0] = (struct lb_range){0, LB_LOW_END};
	return lb_place(map, &request, NULL, NULL, &ret_crash[1], NULL) == 0 ? 2 : 1;
}

static void judge_map(const char *name, const struct lb_e820 *map)
{
	struct lb_range *ram = calloc(map->count, sizeof(*ram));
	struct lb_range crash[2], ours[3];
	struct lb_footprint_request request = {
		.ram = ram, .crash = crash, .ours = ours, .windows = WINDOWS, .root4 = true};

	assert_non_null(ram);
	request.ram_count = each_map_ranges(map, LB_E820_RAM, false, false, ram);
	request.crash_count = crash_ranges(map, crash);
	memcpy(ours, crash, sizeof(crash));
	// The hook's image, across a 2 MiB boundary.
	ours[request.crash_count] = (struct lb_range){0xffdff000, 0xffe03000};
	request.ours_count = request.crash_count + 1;
	assert_true(lb_e820_ram(map, (struct lb_range){0, UINT64_MAX}) <= 64 * LB_TIB);
	for (unsigned int i = 0; i < 4; i++) {
		request.gib_pages = i & 1;
		request.la57 = i & 2;
		judge_request(name, &request);
	}
	free(ram);
}

static void test_own_maps(void **state)
{
	(void)state;
	each_own_map(judge_map);
}

static void test_real_maps(void **state)
{
	(void)state;
	each_real_map(judge_map);
}

// ---- the figures of the threads --------------------------------------------

static struct lb_footprint footprint_of_ram(struct lb_range ram, bool la57, enum lb_footprint_policy policy)
{
	const struct lb_footprint_request request = {
		.ram = &ram, .ram_count = 1, .gib_pages = true, .la57 = la57};
	struct lb_footprint footprint;

	assert_int_equal(lb_footprint(&request, policy, &footprint), LB_FOOTPRINT_OK);
	if (ram.end <= COUNTED_MAX) {
		struct lb_footprint found = counted(&request, policy);

		assert_footprints_equal("one range", policy, &footprint, &found);
	}
	return footprint;
}

// The figures of the 2017 thread for "24 TiB": 96 MiB of PDs, 192 KiB of PDPTs. Linux's folded level doubles
// the PDPTs.
static void test_figures_of_2017(void **state)
{
	const struct lb_range ram = {0, 24 * LB_TIB};
	struct lb_footprint footprint;

	(void)state;
	footprint = footprint_of_ram(ram, false, LB_FOOTPRINT_RAM_2M);
	assert_int_equal(footprint.pd * LB_PAGE, 96 * LB_MIB); // 4 MiB for each TiB
	assert_int_equal(footprint.bytes, 96 * LB_MIB + 192 * LB_KIB + LB_PAGE);
	footprint = footprint_of_ram(ram, false, LB_FOOTPRINT_RAM_1G);
	assert_int_equal(footprint.pdpt * LB_PAGE, 192 * LB_KIB);
	assert_int_equal(footprint.bytes, 192 * LB_KIB + LB_PAGE);
	assert_int_equal(footprint.leaves_1g, 24 * 1024);
	footprint = footprint_of_ram(ram, false, LB_FOOTPRINT_LINUX_TODAY);
	assert_int_equal(footprint.bytes, 388 * LB_KIB);
	assert_int_equal(footprint.folded, footprint.pdpt);
	assert_int_equal(footprint.bytes, (2 * footprint.pdpt + 1) * LB_PAGE);
	assert_int_equal(footprint_of_ram(ram, false, LB_FOOTPRINT_LINUX_510).bytes, 388 * LB_KIB);
	// With 5 levels nothing is folded: there is one root and one PML4.
	footprint = footprint_of_ram(ram, true, LB_FOOTPRINT_LINUX_TODAY);
	assert_int_equal(footprint.bytes, 192 * LB_KIB + 2 * LB_PAGE);
	// Leaves of 4 KiB take 2 GiB of tables for each TiB.
	footprint = footprint_of_ram(ram, false, LB_FOOTPRINT_RAM_4K);
	assert_int_equal(footprint.pt * LB_PAGE, 48 * LB_GIB);
}

static void test_largest_machine(void **state)
{
	const struct lb_range ram = {0, 4096 * LB_TIB};
	struct lb_footprint footprint = footprint_of_ram(ram, true, LB_FOOTPRINT_RAM_1G);

	(void)state;
	assert_int_equal(footprint.pml4, 16);
	assert_int_equal(footprint.pdpt, 8192);
	assert_int_equal(footprint.bytes, (1 + 16 + 8192) * LB_PAGE);
	footprint = footprint_of_ram(ram, true, LB_FOOTPRINT_RAM_4K);
	assert_int_equal(footprint.pt, 1ULL << 31);
	assert_int_equal(footprint.leaves_4k, 1ULL << 40);
}

// Two ranges in the same slot share one table. A whole GiB between ragged ends is one leaf.
static void test_ragged_neighbours(void **state)
{
	const struct lb_range ram[] = {{0, LB_GIB - 5 * LB_PAGE},
				       {LB_GIB - 2 * LB_PAGE, 2 * LB_GIB + 1},
				       {3 * LB_GIB - 1, 4 * LB_GIB}};
	const struct lb_footprint_request request = {.ram = ram, .ram_count = 3, .gib_pages = true};
	struct lb_footprint footprint;

	(void)state;
	judge_request("ragged neighbours", &request);
	assert_int_equal(lb_footprint(&request, LB_FOOTPRINT_RAM_1G, &footprint), LB_FOOTPRINT_OK);
	assert_int_equal(footprint.leaves_1g, 2);
	assert_int_equal(footprint.pd, 1); // for the first GiB; the one byte in the third GiB is no page
	assert_int_equal(lb_footprint(&request, LB_FOOTPRINT_LINUX_510, &footprint), LB_FOOTPRINT_OK);
	assert_int_equal(footprint.leaves_1g, 3);
	assert_int_equal(footprint.pd, 0);
}

// The goals for the size of the tables, term by term.
static void test_numbers_to_reach(void **state)
{
	static const struct lb_range crash[] = {
		{0, LB_LOW_END}, {0x60000000, 0x6c000000}, {LB_4GIB, LB_4GIB + LB_GIB - LB_PAGE}};
	static const struct lb_range ours[] = {
		{0, LB_LOW_END}, {0x7f000000, 0x82000000}, {0xff1fe000, 0xff203000}};
	struct lb_footprint_request request = {.crash = crash,
					       .crash_count = 2,
					       .ours = ours,
					       .ours_count = 3,
					       .windows = WINDOWS,
					       .la57 = true,
					       .root4 = true};
	struct lb_footprint one, two;

	(void)state;
	judge_request("numbers to reach", &request);
	// Both roots and a PDPT; PD and PT of low memory and two PDs of a region across a GiB; PD and two PTs
	// of the hook.
	assert_int_equal(lb_footprint(&request, LB_FOOTPRINT_OURS, &one), LB_FOOTPRINT_OK);
	assert_int_equal(one.bytes, (1 + 1 + 1 + 4 + 3) * LB_PAGE);
	assert_true(one.bytes <= 40 * LB_KIB);
	// One region below one root: PML4, PDPT, two PDs, PT.
	request.la57 = false;
	assert_int_equal(lb_footprint(&request, LB_FOOTPRINT_CRASH_EXACT, &one), LB_FOOTPRINT_OK);
	assert_int_equal(one.bytes, (1 + 1 + 2 + 1) * LB_PAGE);
	assert_true(one.bytes <= 24 * LB_KIB);
	// A further region in another GiB, with a ragged end, takes a PD and a PT.
	request.crash_count = 3;
	assert_int_equal(lb_footprint(&request, LB_FOOTPRINT_CRASH_EXACT, &two), LB_FOOTPRINT_OK);
	assert_int_equal(two.bytes - one.bytes, 2 * LB_PAGE);
	assert_true(two.bytes - one.bytes <= 12 * LB_KIB);
}

// ---- what is refused -------------------------------------------------------

static void refuse(const struct lb_footprint_request *request, enum lb_footprint_policy policy,
		   enum lb_footprint_status wanted)
{
	struct lb_footprint footprint, before;

	memset(&footprint, 0x5a, sizeof(footprint));
	before = footprint;
	assert_int_equal(lb_footprint(request, policy, &footprint), wanted);
	assert_memory_equal(&footprint, &before, sizeof(footprint));
	assert_true(lb_footprint_status_text(wanted)[0] != '\0');
}

static void refuse_crash(struct lb_range one, struct lb_range other, enum lb_footprint_status wanted)
{
	const struct lb_range crash[] = {one, other};
	const struct lb_footprint_request request = {.crash = crash, .crash_count = 2};

	refuse(&request, LB_FOOTPRINT_CRASH_EXACT, wanted);
	refuse(&request, LB_FOOTPRINT_CRASH_2M, wanted);
}

static void test_refused(void **state)
{
	const struct lb_range high[] = {{LB_GIB, (1ULL << 47) + LB_PAGE}};
	struct lb_footprint_request request = {
		.ram = high, .ram_count = 1, .ours = high, .ours_count = 1, .root4 = true};
	struct lb_footprint footprint;

	(void)state;
	refuse_crash((struct lb_range){0x3000, 0x4000}, (struct lb_range){0x1000, 0x2000},
		     LB_FOOTPRINT_UNSORTED);
	refuse_crash((struct lb_range){0x1000, 0x3000}, (struct lb_range){0x2000, 0x4000},
		     LB_FOOTPRINT_UNSORTED);
	refuse_crash((struct lb_range){0x1000, 0x2000}, (struct lb_range){0x2000, 0x4000},
		     LB_FOOTPRINT_UNSORTED);
	refuse_crash((struct lb_range){0x1000, 0x2000}, (struct lb_range){0x4000, 0x4000},
		     LB_FOOTPRINT_UNSORTED);
	refuse_crash((struct lb_range){0x1000, 0x2000}, (struct lb_range){0x3001, 0x4000},
		     LB_FOOTPRINT_UNALIGNED);
	refuse(&request, LB_FOOTPRINT_RAM_4K, LB_FOOTPRINT_TOO_HIGH);
	refuse(&request, LB_FOOTPRINT_OURS, LB_FOOTPRINT_TOO_HIGH);
	request.la57 = true;
	refuse(&request, LB_FOOTPRINT_OURS, LB_FOOTPRINT_TOO_HIGH); // beyond the reach of the 4-level root
	assert_int_equal(lb_footprint(&request, LB_FOOTPRINT_RAM_4K, &footprint), LB_FOOTPRINT_OK);
	request.root4 = false;
	assert_int_equal(lb_footprint(&request, LB_FOOTPRINT_OURS, &footprint), LB_FOOTPRINT_OK);
	request.windows = LB_GIB;
	refuse(&request, LB_FOOTPRINT_OURS, LB_FOOTPRINT_WINDOW_TAKEN);
	request.windows = WINDOWS + 1;
	refuse(&request, LB_FOOTPRINT_OURS, LB_FOOTPRINT_UNALIGNED);
	request.ours = (const struct lb_range[]){{0, WINDOWS + LB_PAGE}};
	request.windows = WINDOWS;
	refuse(&request, LB_FOOTPRINT_OURS, LB_FOOTPRINT_WINDOW_TAKEN);
}

static void test_tidy(void **state)
{
	struct lb_range ranges[] = {{0x5000, 0x6000},
				    {0x1000, 0x2000},
				    {0x9000, 0x9000},
				    {0x2000, 0x3000},
				    {0x5800, 0x5900},
				    {0x5fff, 0x7000},
				    {0, 0}};

	(void)state;
	assert_int_equal(lb_footprint_tidy(ranges, 7), 2);
	assert_int_equal(ranges[0].start, 0x1000);
	assert_int_equal(ranges[0].end, 0x3000);
	assert_int_equal(ranges[1].start, 0x5000);
	assert_int_equal(ranges[1].end, 0x7000);
	assert_int_equal(lb_footprint_tidy(ranges, 0), 0);
}

static void test_names(void **state)
{
	(void)state;
	for (enum lb_footprint_policy one = 0; one < LB_FOOTPRINT_POLICIES; one++) {
		assert_true(lb_footprint_policy_text(one)[0] != '\0');
		for (enum lb_footprint_policy other = 0; other < one; other++)
			assert_string_not_equal(lb_footprint_policy_name(one),
						lb_footprint_policy_name(other));
	}
}

// ---- section tables --------------------------------------------------------

// Counts sections one by one, and compares with the formula.
static void judge_sections(const char *name, const struct lb_range *ram, size_t count, bool la57)
{
	const uint64_t whole = (la57 ? 1ULL << 52 : 1ULL << 46) / (128 * LB_MIB);
	const uint64_t top = count ? lb_align_up(ram[count - 1].end, 32 * LB_GIB) / (128 * LB_MIB) : 0;
	uint8_t *present = calloc(top + 1, 1);
	uint64_t sections = 0, pages = 0;
	struct lb_footprint_sections computed;

	assert_non_null(present);
	for (size_t i = 0; i < count; i++) {
		struct lb_range range = trimmed(ram[i]);

		for (uint64_t at = range.start; at < range.end;
		     at = lb_align_down(at, 128 * LB_MIB) + 128 * LB_MIB)
			present[at / (128 * LB_MIB)] = 1;
	}
	for (uint64_t page = 0; page < top; page += 256) {
		uint64_t before = sections;

		for (uint64_t i = page; i < page + 256; i++)
			sections += present[i];
		pages += sections > before;
	}
	free(present);
	assert_int_equal(lb_footprint_sections(ram, count, la57, &computed), LB_FOOTPRINT_OK);
	if (computed.present != sections || computed.tables_bytes != pages * LB_PAGE)
		fail_msg("%s: computed %lu sections, counted %lu", name, computed.present, sections);
	assert_int_equal(computed.whole, whole);
	assert_int_equal(computed.memmap_bytes, sections * 32768 * 64);
	assert_int_equal(computed.temporary_present_bytes, sections * 16);
	assert_int_equal(computed.total_bytes, computed.roots_bytes + computed.tables_bytes +
						       computed.usage_bytes + computed.memmap_bytes);
}

static void judge_sections_of_map(const char *name, const struct lb_e820 *map)
{
	struct lb_range *ram = calloc(map->count, sizeof(*ram));
	size_t count;

	assert_non_null(ram);
	count = each_map_ranges(map, LB_E820_RAM, false, false, ram);
	judge_sections(name, ram, count, false);
	judge_sections(name, ram, count, true);
	free(ram);
}

static void test_sections_of_maps(void **state)
{
	(void)state;
	each_own_map(judge_sections_of_map);
	each_real_map(judge_sections_of_map);
}

// The figure of the 2018 thread: with 5 levels the temporary arrays take 512 MiB, however small the machine
// is.
static void test_figures_of_2018(void **state)
{
	const struct lb_range second[] = {{0, LB_LOW_END}, {0x60000000, 0x70000000}};
	struct lb_footprint_sections sections;

	(void)state;
	assert_int_equal(lb_footprint_sections(second, 2, true, &sections), LB_FOOTPRINT_OK);
	assert_int_equal(sections.temporary_whole_bytes, 512 * LB_MIB);
	assert_int_equal(sections.present, 3);
	assert_int_equal(sections.temporary_present_bytes, 3 * 2 * 8);
	assert_int_equal(sections.roots_bytes, LB_MIB);
	assert_int_equal(sections.tables_bytes, LB_PAGE);
	assert_int_equal(sections.tables_whole_bytes, 512 * LB_MIB);
	assert_int_equal(lb_footprint_sections(second, 2, false, &sections), LB_FOOTPRINT_OK);
	assert_int_equal(sections.temporary_whole_bytes, 8 * LB_MIB);
	assert_int_equal(sections.roots_bytes, 16 * LB_KIB);
}

static void test_sections_refused(void **state)
{
	const struct lb_range high[] = {{64 * LB_TIB, 64 * LB_TIB + LB_PAGE}}, empty[] = {{0x1000, 0x1000}};
	struct lb_footprint_sections sections;

	(void)state;
	assert_int_equal(lb_footprint_sections(high, 1, false, &sections), LB_FOOTPRINT_TOO_HIGH);
	assert_int_equal(lb_footprint_sections(high, 1, true, &sections), LB_FOOTPRINT_OK);
	assert_int_equal(lb_footprint_sections(empty, 1, true, &sections), LB_FOOTPRINT_UNSORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_requests),
		cmocka_unit_test(test_own_maps),
		cmocka_unit_test(test_real_maps),
		cmocka_unit_test(test_figures_of_2017),
		cmocka_unit_test(test_largest_machine),
		cmocka_unit_test(test_ragged_neighbours),
		cmocka_unit_test(test_numbers_to_reach),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tidy),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_sections_of_maps),
		cmocka_unit_test(test_figures_of_2018),
		cmocka_unit_test(test_sections_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
