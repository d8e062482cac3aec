// SPDX-License-Identifier: BSD-2-Clause
// The builder of identity maps, on whole memory maps and for every physical width. All RAM is write-back,
// everything else uncached. The ranges come in no order, and overlap. Judged: every boundary, one byte on
// either side, and each leaf.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANGES 1024 // in one list of ranges
#include "ident_judge.h"
#include "unit.h"

#include "each_map.h"

#define TABLES_MAX 20000 // the most tables that a test builds: 80 MiB
#define PHYS_BITS 46
#define TABLES_AT 0x7fe00000

static struct lb_ident_range ranges[MAX_RANGES];

static void build_and_judge(const char *name, const struct lb_ident_request *request)
{
	struct built built = {.phys = TABLES_AT};
	struct lb_ident_size size, wanted;
	struct model *model = malloc(sizeof(*model));

	assert_non_null(model);
	*model = model_of(request);
	wanted = model_size(request, model);
	free(model);
	if (lb_ident_count(request, &size) != LB_IDENT_OK)
		fail_msg("%s: refused", name);
	assert_sizes_equal(&size, &wanted);
	if (size.pages > TABLES_MAX)
		return;
	built.pages = size.pages;
	built.buffer = aligned_alloc(LB_PAGE, size.pages * LB_PAGE);
	assert_non_null(built.buffer);
	assert_int_equal(lb_ident_build(request, built.buffer, size.pages, built.phys, &built.tables),
			 LB_IDENT_OK);
	if (request->root4)
		judge_root(&built, request, false, true);
	if (request->root5)
		judge_root(&built, request, true, true);
	free(built.buffer);
}

// Adds each range as a whole, and its second half once more, so that ranges overlap.
static size_t add_twice(size_t count, struct lb_range range, enum lb_memtype type)
{
	const uint64_t middle = range.start + lb_align_down(lb_range_size(range) / 2, LB_PAGE);

	assert_true(count + 2 <= MAX_RANGES);
	ranges[count++] = (struct lb_ident_range){range, type};
	ranges[count++] = (struct lb_ident_range){{middle, range.end}, type};
	return count;
}

// Shuffles the ranges, in the same way in every run.
static void disorder(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const size_t other = i * 7919 % count;
		const struct lb_ident_range kept = ranges[i];

		ranges[i] = ranges[other];
		ranges[other] = kept;
	}
}

// Adds RAM and the small uncached ranges of a map. An MMIO window of terabytes would only take time.
static size_t add_map(const struct lb_e820 *map)
{
	struct lb_range *found = calloc(map->count, sizeof(*found));
	size_t count = 0, some;

	assert_non_null(found);
	some = each_map_ranges(map, LB_E820_RAM, false, true, found);
	for (size_t i = 0; i < some; i++)
		count = add_twice(count, found[i], LB_MEM_WB);
	some = each_map_ranges(map, LB_E820_RAM, true, true, found);
	for (size_t i = 0; i < some; i++) {
		if (lb_range_size(found[i]) <= 64 * LB_GIB)
			count = add_twice(count, found[i], LB_MEM_UC);
	}
	free(found);
	return count;
}

static void judge_map(const char *name, const struct lb_e820 *map)
{
	struct lb_ident_request request = {
		.ranges = ranges, .phys_bits = PHYS_BITS, .root4 = true, .root5 = true};

	request.count = add_map(map);
	assert_true(request.count > 0);
	disorder(request.count);
	for (int gib_pages = 0; gib_pages <= 1; gib_pages++) {
		request.gib_pages = gib_pages;
		build_and_judge(name, &request);
	}
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

// ---- physical widths -------------------------------------------------------

// No entry has a bit at or above the physical width. A walker that is told a width one bit lower must find
// the highest bit to be reserved. So builder and walker agree on the width.
static void judge_width(unsigned int bits, bool la57)
{
	const uint64_t top = la57 || bits < 47 ? 1ULL << bits : END_OF_4LEVEL;
	const struct lb_ident_range list[] = {
		{{top - LB_GIB, top}, LB_MEM_WB},
		{{top - LB_GIB - 3 * LB_PAGE, top - LB_GIB}, LB_MEM_UC},
		{{top / 2 - 2 * LB_MIB, top / 2 + LB_PAGE}, LB_MEM_WB},
	};
	const struct lb_ident_request request = {.ranges = list,
						 .count = 3,
						 .phys_bits = bits,
						 .gib_pages = true,
						 .root4 = !la57,
						 .root5 = la57};
	struct built built = {.phys = TABLES_AT};
	struct lb_physmem mem = {.page = built_page, .ctx = &built};
	struct lb_walk walk = {.mem = &mem, .la57 = la57};
	struct lb_ident_size size;
	struct lb_walk_leaf leaf;

	build_and_judge("a physical width", &request);
	assert_int_equal(lb_ident_count(&request, &size), LB_IDENT_OK);
	built.pages = size.pages;
	built.buffer = aligned_alloc(LB_PAGE, size.pages * LB_PAGE);
	assert_non_null(built.buffer);
	assert_int_equal(lb_ident_build(&request, built.buffer, size.pages, built.phys, &built.tables),
			 LB_IDENT_OK);
	for (size_t i = 0; i < size.pages * X86_PT_ENTRIES; i++)
		assert_int_equal(((const uint64_t *)(const void *)built.buffer)[i] >> bits, 0);

	walk.cr3 = la57 ? built.tables.cr3_5level : built.tables.cr3_4level;
	for (walk.phys_bits = 36; walk.phys_bits <= 52; walk.phys_bits++) {
		const bool narrow = (top - 1) >> walk.phys_bits;

		assert_int_equal(lb_walk(&walk, top - 1, &leaf),
				 narrow ? LB_WALK_RESERVED_BIT : LB_WALK_MAPPED);
		if (!narrow)
			assert_int_equal(leaf.page_size, LB_GIB);
	}
	free(built.buffer);
}

static void test_every_physical_width(void **state)
{
	(void)state;
	for (unsigned int bits = 36; bits <= 52; bits++) {
		judge_width(bits, false);
		judge_width(bits, true);
	}
}

// ---- all that 5 levels reach -----------------------------------------------

// Pieces over 4 PiB: in each PML4 a whole 512 GiB, a ragged end, and uncached pages across the border to the
// next.
static void test_petabytes(void **state)
{
	const uint64_t span = 1ULL << 48;
	struct lb_ident_request request = {
		.ranges = ranges, .phys_bits = 52, .gib_pages = true, .root5 = true, .windows = 0x1fe000};

	(void)state;
	for (uint64_t base = 0; base < 1ULL << 52; base += span) {
		ranges[request.count++] =
			(struct lb_ident_range){{base + LB_TIB, base + LB_TIB + 512 * LB_GIB}, LB_MEM_WB};
		ranges[request.count++] = (struct lb_ident_range){
			{base + 7 * LB_TIB + LB_PAGE, base + 7 * LB_TIB + LB_GIB + 5 * LB_PAGE}, LB_MEM_WB};
		if (base + span < 1ULL << 52)
			ranges[request.count++] = (struct lb_ident_range){
				{base + span - LB_PAGE, base + span + LB_PAGE}, LB_MEM_UC};
	}
	disorder(request.count);
	build_and_judge("pieces of 4 PiB", &request);

	// All of 4 PiB: a PML5, 16 PML4s, 8192 PDPTs full of 1 GiB leaves.
	ranges[0] = (struct lb_ident_range){{0, 1ULL << 52}, LB_MEM_WB};
	request.count = 1;
	request.windows = 0;
	build_and_judge("4 PiB", &request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_maps),
		cmocka_unit_test(test_real_maps),
		cmocka_unit_test(test_every_physical_width),
		cmocka_unit_test(test_petabytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
