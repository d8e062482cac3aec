// SPDX-License-Identifier: BSD-2-Clause
// The builder of identity maps. Its judge is ident_judge.h.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ident_judge.h"
#include "unit.h"

#define LISTS 12000 // number of random range lists

// ---- the tables under test -------------------------------------------------

// Counts, then builds into a buffer of exactly the counted size, which is full of ones before. ASan guards
// the buffer's ends. The caller frees the result with release().
static struct built build(const struct lb_ident_request *request)
{
	struct built built = {.phys = 0x7fe00000};
	struct lb_ident_size size;

	assert_int_equal(lb_ident_count(request, &size), LB_IDENT_OK);
	built.pages = size.pages;
	built.buffer = aligned_alloc(LB_PAGE, size.pages * LB_PAGE);
	assert_non_null(built.buffer);
	memset(built.buffer, 0xff, size.pages * LB_PAGE);
	assert_int_equal(lb_ident_build(request, built.buffer, size.pages, built.phys, &built.tables),
			 LB_IDENT_OK);
	assert_sizes_equal(&built.tables.size, &size);
	return built;
}

static void release(struct built *built)
{
	free(built->buffer);
}

static void judge_request(const struct lb_ident_request *request, bool everything)
{
	const struct model model = model_of(request);
	const struct lb_ident_size wanted = model_size(request, &model);
	struct built built = build(request);

	assert_sizes_equal(&built.tables.size, &wanted);
	if (request->root4)
		judge_root(&built, request, false, everything);
	else
		assert_int_equal(built.tables.cr3_4level, 0);
	if (request->root5)
		judge_root(&built, request, true, everything);
	else
		assert_int_equal(built.tables.cr3_5level, 0);
	release(&built);
}

// ---- random lists ----------------------------------------------------------

// State of xorshift64*, which gives the same lists in every run.
static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dULL % limit;
}

static uint64_t random_pick(const uint64_t *values, size_t count)
{
	return values[random_below(count)];
}
#define RANDOM_PICK(...)                                                                                     \
	random_pick((const uint64_t[]){__VA_ARGS__},                                                         \
		    sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

// Returns an address near a multiple of what a level covers, up to a few pages off, where faults are likely.
static uint64_t random_boundary(uint64_t limit)
{
	const uint64_t unit = RANDOM_PICK(LB_PAGE, 2 * LB_MIB, LB_GIB, 512 * LB_GIB, 1ULL << 47, 1ULL << 48);
	const uint64_t pages = random_below(4) ? 0 : random_below(5);
	uint64_t address = random_below(RANDOM_PICK(2, 8, 520)) * unit;

	address = random_below(2) ? address + pages * LB_PAGE : address - pages * LB_PAGE;
	return address < limit ? address : limit - LB_PAGE;
}

static uint64_t random_size(bool gib_pages)
{
	switch (random_below(gib_pages ? 6 : 5)) {
	case 0:
		return LB_PAGE * (1 + random_below(16));
	case 1:
		return LB_PAGE * (1 + random_below(1200));
	case 2:
		return 2 * LB_MIB * (1 + random_below(3));
	case 3:
		return LB_MIB * (1 + random_below(3000));
	case 4:
		return LB_GIB * (1 + random_below(2)) - LB_PAGE * random_below(3);
	default:
		return LB_GIB * (1 + random_below(600));
	}
}

static bool conflicts(const struct lb_ident_request *request, const struct lb_ident_range *range)
{
	const struct lb_range windows = {request->windows, request->windows + 2 * LB_PAGE};

	if (request->windows && lb_range_overlaps(windows, range->range))
		return true;
	for (size_t i = 0; i < request->count; i++)
		if (request->ranges[i].type != range->type &&
		    lb_range_overlaps(request->ranges[i].range, range->range))
			return true;
	return false;
}

// Returns a new range that overlaps, touches or lies beside those in the list. Its size is 0 if there is no
// room for it.
static struct lb_ident_range random_range(const struct lb_ident_request *request, uint64_t limit)
{
	struct lb_ident_range range = {.type = random_below(4) ? LB_MEM_WB : LB_MEM_UC};
	uint64_t start = random_boundary(limit);
	uint64_t size = random_size(request->gib_pages);

	if (request->count && random_below(2)) {
		const struct lb_range near = request->ranges[random_below(request->count)].range;

		start = random_below(2) ? near.end
					: near.start + lb_align_down(lb_range_size(near) / 2, LB_PAGE);
		if (start >= limit)
			start = near.start;
	}
	if (size > limit - start)
		size = limit - start;
	range.range = (struct lb_range){start, start + size};
	if (conflicts(request, &range))
		range.range.end = range.range.start;
	return range;
}

static void random_request(struct lb_ident_request *request, struct lb_ident_range ranges[MAX_RANGES])
{
	const uint64_t roots = 1 + random_below(3);
	const size_t wanted = 1 + random_below(MAX_RANGES);
	uint64_t limit;

	*request = (struct lb_ident_request){
		.ranges = ranges,
		.phys_bits = (unsigned int)RANDOM_PICK(36, 39, 40, 46, 48, 52),
		.gib_pages = random_below(2),
		.root4 = roots & 1,
		.root5 = roots & 2,
	};
	if (random_below(2))
		request->windows = RANDOM_PICK(0xfe000, 0x1fe000, 0x1ff000, 0x3ff000, 0x3fffe000, LB_PAGE);
	limit = 1ULL << request->phys_bits;
	if (request->root4 && limit > END_OF_4LEVEL)
		limit = END_OF_4LEVEL;
	for (size_t i = 0; i < wanted; i++) {
		struct lb_ident_range range = random_range(request, limit);

		if (!lb_range_empty(range.range))
			ranges[request->count++] = range;
	}
}

static void test_random_lists(void **state)
{
	struct lb_ident_range ranges[MAX_RANGES];
	struct lb_ident_request request;
	uint64_t judged = 0;

	(void)state;
	random_state = 0x9e3779b97f4a7c15ULL;
	for (unsigned int i = 0; i < LISTS; i++) {
		random_request(&request, ranges);
		// All boundaries are judged, and for every 16th list every leaf.
		judge_request(&request, i % 16 == 0);
		judged += request.count > 0;
	}
	assert_true(judged >= 10000);
}

// ---- what it takes ---------------------------------------------------------

static size_t pages_of(const struct lb_ident_request *request)
{
	struct lb_ident_size size;

	judge_request(request, true);
	assert_int_equal(lb_ident_count(request, &size), LB_IDENT_OK);
	return size.pages;
}

#define RANGES(...)                                                                                          \
	.ranges = (const struct lb_ident_range[])                                                            \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}

static const struct lb_ident_range low = {{0, LB_LOW_END}, LB_MEM_WB};

// Root, PDPT, PD and PT of the low 1 MiB, and a PD for the region's GiB.
static void test_size_of_one_root(void **state)
{
	(void)state;
	for (int gib_pages = 0; gib_pages <= 1; gib_pages++) {
		for (uint64_t start = LB_GIB; start < 3 * LB_GIB; start += 254 * LB_MIB) {
			const uint64_t room = lb_align_up(start + 1, LB_GIB) - start;
			struct lb_ident_request request = {
				RANGES(low, {{start, start + room}, LB_MEM_WB}),
				.count = 2,
				.phys_bits = 46,
				.gib_pages = gib_pages,
				.root4 = true,
			};

			if (room == LB_GIB)
				continue; // with 1 GiB pages such a region takes no table
			assert_int_equal(pages_of(&request), 5);
		}
	}
}

static void test_size_in_the_first_gib(void **state)
{
	const struct lb_ident_request request = {RANGES(low, {{256 * LB_MIB, 512 * LB_MIB}, LB_MEM_WB}),
						 .count = 2, .phys_bits = 40, .root4 = true};

	(void)state;
	assert_int_equal(pages_of(&request), 4);
}

static void test_size_across_a_gib(void **state)
{
	const struct lb_ident_request request = {
		RANGES(low, {{2 * LB_GIB - 2 * LB_MIB, 3 * LB_GIB - 4 * LB_MIB}, LB_MEM_WB}), .count = 2,
		.phys_bits = 40, .root4 = true};

	(void)state;
	assert_int_equal(pages_of(&request), 6); // 24 KiB, the most that one region takes
}

// Both roots, the hook's text and data near 4 GiB, and two windows.
static void test_size_with_everything(void **state)
{
	struct lb_ident_request request = {
		RANGES(low, {{0x60000000, 0x6c000000}, LB_MEM_WB}, {{0xbe7f1000, 0xbe7f4000}, LB_MEM_WB},
		       {{0xbe7f8000, 0xbe7fb000}, LB_MEM_WB}),
		.count = 4,
		.phys_bits = 46,
		.root4 = true,
		.root5 = true,
		.windows = 0x1fe000,
	};

	(void)state;
	// PML5, PML4, PDPT; PD and PT of low memory and windows; PD of the region; PD and PT of the hook.
	assert_int_equal(pages_of(&request), 8);
	// A hook across a 2 MiB boundary takes one PT more.
	request.ranges = (const struct lb_ident_range[]){
		low, {{0x60000000, 0x6c000000}, LB_MEM_WB}, {{0xbe7fe000, 0xbe803000}, LB_MEM_WB}};
	request.count = 3;
	assert_int_equal(pages_of(&request), 9);
	// A region across a GiB boundary takes one PD more. This is the maximum: 40 KiB.
	request.ranges = (const struct lb_ident_range[]){
		low, {{0x7f000000, 0x82000000}, LB_MEM_WB}, {{0xff1fe000, 0xff203000}, LB_MEM_WB}};
	assert_int_equal(pages_of(&request), 10);
}

// A further region takes at most a PDPT, a PD, and one table more, which is a second PD or a PT.
static void test_size_of_a_further_region(void **state)
{
	const struct {
		struct lb_range place;
		size_t pages;
	} further[] = {
		{{0x70000000, 0x78000000}, 0},
		{{4 * LB_GIB, 4 * LB_GIB + 256 * LB_MIB}, 1},
		{{LB_TIB - 256 * LB_MIB, LB_TIB}, 2},
		{{5 * LB_GIB + LB_PAGE, 5 * LB_GIB + 512 * LB_MIB}, 2},
		{{63 * LB_TIB + LB_MIB, 63 * LB_TIB + 900 * LB_MIB}, 3},
		{{63 * LB_TIB + LB_GIB - 2 * LB_MIB, 63 * LB_TIB + LB_GIB + 254 * LB_MIB}, 3},
	};
	const struct lb_ident_range first = {{0x60000000, 0x6c000000}, LB_MEM_WB};

	(void)state;
	for (size_t i = 0; i < sizeof(further) / sizeof(further[0]); i++) {
		struct lb_ident_request request = {RANGES(low, first, {further[i].place, LB_MEM_WB}),
						   .count = 2, .phys_bits = 46, .root4 = true, .root5 = true};
		const size_t before = pages_of(&request);

		request.count = 3;
		assert_int_equal(pages_of(&request), before + further[i].pages);
	}
}

static void test_aligned_gib_takes_leaves_of_one_gib(void **state)
{
	struct lb_ident_request request = {RANGES({{LB_GIB, 513 * LB_GIB}, LB_MEM_WB}), .count = 1,
					   .phys_bits = 46, .gib_pages = true, .root4 = true};
	struct lb_ident_size size;

	(void)state;
	assert_int_equal(pages_of(&request), 3); // a PML4 and two PDPTs
	assert_int_equal(lb_ident_count(&request, &size), LB_IDENT_OK);
	assert_int_equal(size.leaves_1g, 512);
	request.gib_pages = false;
	assert_int_equal(pages_of(&request), 3 + 512);
}

// ---- hand-made lists -------------------------------------------------------

static void test_nothing_but_roots(void **state)
{
	struct lb_ident_request request = {.phys_bits = 40, .root4 = true, .root5 = true};

	(void)state;
	assert_int_equal(pages_of(&request), 2);
	request.root4 = false;
	assert_int_equal(pages_of(&request), 1);
	request.windows = 0x1fe000;
	assert_int_equal(pages_of(&request), 5);
}

static void test_windows_in_two_tables(void **state)
{
	const struct lb_ident_request request = {RANGES(low), .count = 1, .phys_bits = 40, .root4 = true,
						 .windows = 2 * LB_MIB - LB_PAGE};

	(void)state;
	assert_int_equal(pages_of(&request), 5);
}

// A whole GiB that only the union of these ranges covers. They are unordered, overlap, and one lies inside
// another.
static void test_union_makes_a_large_leaf(void **state)
{
	const struct lb_ident_request request = {
		RANGES({{0x70000000, 0x80000000}, LB_MEM_WB}, {{0x40000000, 0x50001000}, LB_MEM_WB},
		       {{0x60003000, 0x70000000}, LB_MEM_WB}, {{0x41000000, 0x42000000}, LB_MEM_WB},
		       {{0x4f000000, 0x60004000}, LB_MEM_WB}),
		.count = 5, .phys_bits = 40, .gib_pages = true, .root4 = true};
	struct lb_ident_size size;

	(void)state;
	assert_int_equal(pages_of(&request), 2);
	assert_int_equal(lb_ident_count(&request, &size), LB_IDENT_OK);
	assert_int_equal(size.leaves_1g, 1);
	assert_int_equal(size.leaves_2m + size.leaves_4k, 0);
}

static void test_types_do_not_share_a_leaf(void **state)
{
	const struct lb_ident_request request = {RANGES({{0xfec00000, 0xfec01000}, LB_MEM_UC},
							{{0xfe000000, 0xfec00000}, LB_MEM_WB},
							{{0xfec01000, 0xff000000}, LB_MEM_WB}),
						 .count = 3, .phys_bits = 40, .root4 = true, .root5 = true};
	struct lb_ident_size size;

	(void)state;
	assert_int_equal(pages_of(&request), 5);
	assert_int_equal(lb_ident_count(&request, &size), LB_IDENT_OK);
	assert_int_equal(size.leaves_4k, 512);
	assert_int_equal(size.leaves_2m, 7);
}

static void test_highest_addresses(void **state)
{
	struct lb_ident_request request = {RANGES({{(1ULL << 52) - LB_PAGE, 1ULL << 52}, LB_MEM_WB}),
					   .count = 1, .phys_bits = 52, .root5 = true};

	(void)state;
	assert_int_equal(pages_of(&request), 5);
	request.root4 = true;
	request.root5 = false;
	request.ranges =
		(const struct lb_ident_range[]){{{END_OF_4LEVEL - LB_PAGE, END_OF_4LEVEL}, LB_MEM_WB}};
	assert_int_equal(pages_of(&request), 4);
}

// Only a 5-level root, with ranges in several of its entries.
static void test_several_pml4(void **state)
{
	const struct lb_ident_request request = {
		RANGES({{3ULL << 48, (3ULL << 48) + LB_GIB}, LB_MEM_WB},
		       {{(1ULL << 48) - LB_PAGE, (1ULL << 48) + LB_PAGE}, LB_MEM_WB}, low),
		.count = 3, .phys_bits = 52, .gib_pages = true, .root5 = true};

	(void)state;
	// PML5; three PML4; below them 3 tables for low memory, 3 for the last page, 3 for the first page, 1
	// for the 1 GiB leaf.
	assert_int_equal(pages_of(&request), 1 + 3 + 3 + 3 + 3 + 1);
}

static void test_both_roots_share_everything(void **state)
{
	const struct lb_ident_request request = {RANGES(low), .count = 1, .phys_bits = 40, .root4 = true,
						 .root5 = true};
	struct built built = build(&request);
	const uint64_t *pml5 = built_page(&built, built.tables.cr3_5level);

	(void)state;
	assert_int_equal(pml5[0], built.tables.cr3_4level | X86_PTE_P | X86_PTE_W | X86_PTE_A);
	for (unsigned int i = 1; i < X86_PT_ENTRIES; i++)
		assert_int_equal(pml5[i], 0);
	release(&built);
}

// Accessed and dirty bits are set everywhere. So the CPU never writes to the tables, and a digest over them
// stays right.
static void test_accessed_and_dirty_everywhere(void **state)
{
	const struct lb_ident_request request = {
		RANGES(low, {{0x3ffff000, 0x80401000}, LB_MEM_WB}, {{0xfee00000, 0xfee01000}, LB_MEM_UC}),
		.count = 3,
		.phys_bits = 40,
		.gib_pages = true,
		.root4 = true,
		.root5 = true,
		.windows = 0x1fe000};
	struct built built = build(&request);
	const uint64_t *entries = (const uint64_t *)(const void *)built.buffer;
	const uint64_t never = X86_PTE_U | X86_PTE_NX | 1ULL << 8; // user, no-execute, global
	size_t present = 0, leaves = 0;

	(void)state;
	for (size_t i = 0; i < built.pages * X86_PT_ENTRIES; i++) {
		if (!entries[i])
			continue; // an absent entry is zero as a whole
		present++;
		leaves += (entries[i] & X86_PTE_D) != 0;
		assert_int_equal(entries[i] & (X86_PTE_P | X86_PTE_W | X86_PTE_A),
				 X86_PTE_P | X86_PTE_W | X86_PTE_A);
		assert_int_equal(entries[i] & never, 0);
	}
	assert_int_equal(leaves, built.tables.size.leaves_4k + built.tables.size.leaves_2m +
					 built.tables.size.leaves_1g);
	// Each table but the two roots has one entry that leads to it. PML5 has one more, to the PML4.
	assert_int_equal(present - leaves, built.pages - 1);
	release(&built);
}

// ---- what is refused -------------------------------------------------------

static const struct lb_ident_range one_page = {{0x1000, 0x2000}, LB_MEM_WB};

// The request is refused by lb_ident_count() and lb_ident_build(), and neither writes anything.
static void assert_refused(const struct lb_ident_request *request, enum lb_ident_status wanted)
{
	static _Alignas(LB_PAGE) uint8_t buffer[16 * LB_PAGE];
	struct lb_ident_size size, size_before;
	struct lb_ident_tables tables, tables_before;

	memset(buffer, 0x5a, sizeof(buffer));
	memset(&size, 0x5a, sizeof(size));
	memset(&tables, 0x5a, sizeof(tables));
	size_before = size;
	tables_before = tables;
	assert_int_equal(lb_ident_count(request, &size), wanted);
	assert_int_equal(lb_ident_build(request, buffer, 16, 0x100000, &tables), wanted);
	assert_memory_equal(&size, &size_before, sizeof(size));
	assert_memory_equal(&tables, &tables_before, sizeof(tables));
	for (size_t i = 0; i < sizeof(buffer); i++)
		assert_int_equal(buffer[i], 0x5a);
}

static void refuse_range(struct lb_range range, enum lb_ident_status wanted)
{
	const struct lb_ident_request request = {RANGES(one_page, {range, LB_MEM_WB}), .count = 2,
						 .phys_bits = 40, .root4 = true};

	assert_refused(&request, wanted);
}

static void test_unaligned(void **state)
{
	(void)state;
	refuse_range((struct lb_range){0x10001, 0x20000}, LB_IDENT_UNALIGNED);
	refuse_range((struct lb_range){0x10000, 0x20800}, LB_IDENT_UNALIGNED);
}

static void test_empty(void **state)
{
	(void)state;
	refuse_range((struct lb_range){0x10000, 0x10000}, LB_IDENT_EMPTY);
	refuse_range((struct lb_range){0x20000, 0x10000}, LB_IDENT_EMPTY);
	refuse_range((struct lb_range){0, 0}, LB_IDENT_EMPTY);
	refuse_range((struct lb_range){0xfffffffffffff000, 0}, LB_IDENT_EMPTY);
}

static void test_too_high(void **state)
{
	struct lb_ident_request request = {
		RANGES({{END_OF_4LEVEL - LB_PAGE, END_OF_4LEVEL + LB_PAGE}, LB_MEM_WB}), .count = 1,
		.phys_bits = 52, .root4 = true, .root5 = true};

	(void)state;
	refuse_range((struct lb_range){0x1000, (1ULL << 40) + 0x1000}, LB_IDENT_TOO_HIGH);
	refuse_range((struct lb_range){1ULL << 40, (1ULL << 40) + 0x1000}, LB_IDENT_TOO_HIGH);
	refuse_range((struct lb_range){0x1000, 0xfffffffffffff000}, LB_IDENT_TOO_HIGH);
	assert_refused(&request, LB_IDENT_TOO_HIGH);
	request.root4 = false;
	judge_request(&request, true);
}

static void test_conflict(void **state)
{
	struct lb_ident_request request = {
		RANGES({{0x10000, 0x20000}, LB_MEM_UC}, one_page, {{0x1f000, 0x30000}, LB_MEM_WB}),
		.count = 3, .phys_bits = 40, .root4 = true};

	(void)state;
	assert_refused(&request, LB_IDENT_CONFLICT);
	request.count = 2;
	judge_request(&request, true);
	for (uint64_t windows = 0xe000; windows <= 0x21000; windows += LB_PAGE) {
		request.windows = windows;
		if (windows <= 0xe000 || windows >= 0x20000)
			judge_request(&request, true);
		else
			assert_refused(&request, LB_IDENT_CONFLICT);
	}
}

static void test_bad_options(void **state)
{
	const struct lb_ident_request good = {RANGES(one_page), .count = 1, .phys_bits = 40, .root4 = true};
	struct lb_ident_request request = good;

	(void)state;
	request.root4 = false;
	assert_refused(&request, LB_IDENT_BAD_OPTION);

	request = good;
	request.phys_bits = 35;
	assert_refused(&request, LB_IDENT_BAD_OPTION);
	request.phys_bits = 53;
	assert_refused(&request, LB_IDENT_BAD_OPTION);
	request.phys_bits = 0;
	assert_refused(&request, LB_IDENT_BAD_OPTION);

	request = good;
	request.windows = 0x80001;
	assert_refused(&request, LB_IDENT_BAD_OPTION);
	request.windows = LB_GIB - LB_PAGE;
	assert_refused(&request, LB_IDENT_BAD_OPTION);
	request.windows = 0xfffffffffffff000;
	assert_refused(&request, LB_IDENT_BAD_OPTION);
	request.windows = LB_GIB - 2 * LB_PAGE;
	judge_request(&request, true);
}

static void test_buffer(void **state)
{
	static _Alignas(LB_PAGE) uint8_t buffer[5 * LB_PAGE];
	const struct lb_ident_request request = {RANGES(one_page), .count = 1, .phys_bits = 40,
						 .root4 = true};
	struct lb_ident_tables tables;

	(void)state;
	memset(buffer, 0x5a, sizeof(buffer));
	assert_int_equal(lb_ident_build(&request, buffer, 0, 0x100000, &tables), LB_IDENT_NO_ROOM);
	assert_int_equal(lb_ident_build(&request, buffer, 3, 0x100000, &tables), LB_IDENT_NO_ROOM);
	assert_int_equal(lb_ident_build(&request, buffer, 4, 0x100800, &tables), LB_IDENT_BAD_OPTION);
	assert_int_equal(lb_ident_build(&request, buffer + 8, 4, 0x100000, &tables), LB_IDENT_BAD_OPTION);
	assert_int_equal(lb_ident_build(&request, buffer, 4, (1ULL << 40) - 0x3000, &tables),
			 LB_IDENT_BAD_OPTION);
	assert_int_equal(lb_ident_build(&request, buffer, 4, -0x4000ULL, &tables), LB_IDENT_BAD_OPTION);
	for (size_t i = 0; i < sizeof(buffer); i++)
		assert_int_equal(buffer[i], 0x5a);

	// A page more than needed is not written.
	assert_int_equal(lb_ident_build(&request, buffer, 5, (1ULL << 40) - 0x4000, &tables), LB_IDENT_OK);
	for (size_t i = 4 * LB_PAGE; i < sizeof(buffer); i++)
		assert_int_equal(buffer[i], 0x5a);
}

static void test_every_status_has_a_text_of_its_own(void **state)
{
	(void)state;
	for (int one = LB_IDENT_OK; one <= LB_IDENT_NO_ROOM + 1; one++) {
		assert_true(strlen(lb_ident_status_text((enum lb_ident_status)one)) > 10);
		for (int other = LB_IDENT_OK; other < one; other++)
			assert_string_not_equal(lb_ident_status_text((enum lb_ident_status)one),
						lb_ident_status_text((enum lb_ident_status)other));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_lists),
		cmocka_unit_test(test_size_of_one_root),
		cmocka_unit_test(test_size_in_the_first_gib),
		cmocka_unit_test(test_size_across_a_gib),
		cmocka_unit_test(test_size_with_everything),
		cmocka_unit_test(test_size_of_a_further_region),
		cmocka_unit_test(test_aligned_gib_takes_leaves_of_one_gib),
		cmocka_unit_test(test_nothing_but_roots),
		cmocka_unit_test(test_windows_in_two_tables),
		cmocka_unit_test(test_union_makes_a_large_leaf),
		cmocka_unit_test(test_types_do_not_share_a_leaf),
		cmocka_unit_test(test_highest_addresses),
		cmocka_unit_test(test_several_pml4),
		cmocka_unit_test(test_both_roots_share_everything),
		cmocka_unit_test(test_accessed_and_dirty_everywhere),
		cmocka_unit_test(test_unaligned),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_too_high),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_buffer),
		cmocka_unit_test(test_every_status_has_a_text_of_its_own),
	};

	return cmocka_run_group_tests_name("ident", tests, NULL, NULL);
}
