// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>

#include "crash/plan/layout.h"
#include "pgtable/footprint.h"
#include "unit.h"

#define M(mib) ((mib)*LB_MIB)

// The needs of Debian's 6.1 cloud kernel with a small initrd.
static const struct lb_layout_need debian = {
	.kernel = 0x3378000,
	.initrd = 10 * LB_MIB,
	.cmdline = 400,
	.page_tables = 40 * LB_KIB,
	.purgatory_text = 32 * LB_KIB,
	.purgatory_total = 64 * LB_KIB,
	.e820_saved = 20 * 24,
	.elfcorehdr = 1000,
	.notes = 16 * LB_KIB,
	.backup = 0x9f000,
};

static struct lb_layout lay_out(const struct lb_layout_need *need, struct lb_range region)
{
	struct lb_layout layout;
	struct lb_error err = {""};

	if (lb_layout(need, region, &layout, &err))
		fail_msg("%s", err.text);
	return layout;
}

// All parts lie in the order that layout.h draws, from the bottom up.
static void check_layout(const struct lb_layout *layout, const struct lb_layout_need *need)
{
	const struct {
		struct lb_range range;
		uint64_t bytes;
		bool ram;
	} parts[] = {
		{layout->kernel, need->kernel, true},
		{layout->initrd, need->initrd, true},
		{layout->boot_params, 4096, true},
		{layout->setup_data, need->setup_data, true},
		{layout->cmdline, need->cmdline, true},
		{layout->page_tables, need->page_tables, false},
		{layout->purgatory_text, need->purgatory_text, false},
		{layout->purgatory_data, need->purgatory_total - need->purgatory_text, false},
		{layout->handoff, 4096, false},
		{layout->live, 4096, false},
		{layout->capture, need->capture, false},
		{layout->e820_saved, need->e820_saved, false},
		{layout->elfcorehdr, need->elfcorehdr, false},
		{layout->notes, need->notes, false},
		{layout->backup, need->backup, false},
	};
	uint64_t reached = layout->region.start;

	for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct lb_range range = parts[i].range;

		assert_true(range.start >= reached);
		if (i != 1) // free memory lies below the initrd only
			assert_int_equal(range.start, reached);
		reached = range.end;
		assert_true(lb_aligned(range.start, LB_PAGE) && lb_aligned(range.end, LB_PAGE));
		assert_int_equal(lb_range_size(range), lb_align_up(parts[i].bytes, LB_PAGE));
		assert_int_equal(lb_range_contains(layout->ram, range), parts[i].ram);
	}
	assert_int_equal(reached, layout->region.end);
	assert_int_equal(layout->ram.start, layout->region.start);
	assert_int_equal(layout->ram.end, layout->page_tables.start);
	assert_int_equal(layout->free.start, layout->kernel.end);
	assert_int_equal(layout->free.end, layout->initrd.start);
}

static void test_layout(void **state)
{
	struct lb_layout_need need = debian;
	struct lb_layout layout;

	(void)state;
	layout = lay_out(&need, (struct lb_range){M(512), M(704)});
	check_layout(&layout, &need);
	need.setup_data = 5000;
	need.initrd = 1;
	layout = lay_out(&need, (struct lb_range){M(16), M(208)});
	check_layout(&layout, &need);
	need.initrd = 0;
	layout = lay_out(&need, (struct lb_range){LB_TIB, LB_TIB + M(128)});
	check_layout(&layout, &need);
	assert_true(lb_range_empty(layout.initrd));
}

// The built-in capture kernel has a page of configuration in the tail, and no initrd. The free memory is its
// heap, and ends at the boot_params.
static void test_builtin(void **state)
{
	struct lb_layout_need need = debian;
	struct lb_layout layout;

	(void)state;
	need.kernel = 300 * LB_KIB;
	need.initrd = 0;
	need.cmdline = 10;
	need.capture = 2800;
	layout = lay_out(&need, (struct lb_range){M(512), M(520)});
	check_layout(&layout, &need);
	assert_int_equal(layout.free.end, layout.boot_params.start);
	assert_int_equal(lb_range_size(layout.capture), LB_PAGE);
	assert_false(lb_range_contains(layout.ram, layout.capture));
}

// The minimum is enough, and one page less is not. Each part has exactly its room.
static void test_minimum_is_exact(void **state)
{
	struct lb_layout_need need = debian;
	struct lb_layout layout;
	struct lb_error err = {""};
	uint64_t bytes = 0;

	(void)state;
	assert_int_equal(lb_layout_minimum(&need, &bytes, &err), 0);
	need.kernel += lb_align_up(bytes, M(2)) - bytes;
	assert_int_equal(lb_layout_minimum(&need, &bytes, &err), 0);
	assert_true(lb_aligned(bytes, M(2)));
	layout = lay_out(&need, (struct lb_range){M(64), M(64) + bytes});
	check_layout(&layout, &need);
	assert_int_equal(layout.initrd.start, layout.kernel.end);

	need.backup += 1;
	assert_int_equal(lb_layout(&need, (struct lb_range){M(64), M(64) + bytes}, &layout, &err), -1);
	assert_non_null(strstr(err.text, "is too small"));
	assert_non_null(strstr(err.text, "4 KiB more"));
}

static void test_bad_regions(void **state)
{
	static const struct lb_range bad[] = {
		{M(8), M(512)}, {M(65), M(513)}, {M(64), M(513)}, {M(64), M(64)}, {M(512), M(64)},
	};
	struct lb_error err;

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct lb_layout layout;

		assert_int_equal(lb_layout(&debian, bad[i], &layout, &err), -1);
		assert_non_null(strstr(err.text, "wanted 2 MiB borders at or above 16 MiB"));
	}
}

// Every size is checked for wrap-around.
static void test_absurd_needs(void **state)
{
	const size_t fields[] = {
		offsetof(struct lb_layout_need, kernel),
		offsetof(struct lb_layout_need, initrd),
		offsetof(struct lb_layout_need, setup_data),
		offsetof(struct lb_layout_need, cmdline),
		offsetof(struct lb_layout_need, page_tables),
		offsetof(struct lb_layout_need, purgatory_text),
		offsetof(struct lb_layout_need, purgatory_total),
		offsetof(struct lb_layout_need, capture),
		offsetof(struct lb_layout_need, e820_saved),
		offsetof(struct lb_layout_need, elfcorehdr),
		offsetof(struct lb_layout_need, notes),
		offsetof(struct lb_layout_need, backup),
	};
	const uint64_t values[] = {UINT64_MAX, UINT64_MAX - LB_PAGE + 1, UINT64_MAX - 2 * LB_PAGE + 1};
	struct lb_layout_auto terms;
	struct lb_error err;
	uint64_t bytes;

	(void)state;
	for (unsigned int i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		for (unsigned int j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
			struct lb_layout_need need = debian;

			memcpy((char *)&need + fields[i], &values[j], sizeof(values[j]));
			err.text[0] = '\0';
			assert_int_equal(lb_layout_minimum(&need, &bytes, &err), -1);
			assert_int_not_equal(err.text[0], '\0');
			assert_int_equal(lb_layout_auto(&need, &terms, &err), -1);
		}
	}
}

static void test_incomplete_needs(void **state)
{
	struct lb_layout_need need = debian;
	struct lb_error err;
	uint64_t bytes;

	(void)state;
	need.kernel = 0;
	assert_int_equal(lb_layout_minimum(&need, &bytes, &err), -1);
	assert_non_null(strstr(err.text, "no size"));
	need = debian;
	need.purgatory_text = 5000;
	assert_int_equal(lb_layout_minimum(&need, &bytes, &err), -1);
	assert_non_null(strstr(err.text, "whole pages"));
	need.purgatory_text = need.purgatory_total + LB_PAGE;
	assert_int_equal(lb_layout_minimum(&need, &bytes, &err), -1);
	assert_non_null(strstr(err.text, "not more than the total"));
}

static struct lb_layout_auto automatic(const struct lb_layout_need *need)
{
	struct lb_layout_auto terms = {0};
	struct lb_error err = {""};

	if (lb_layout_auto(need, &terms, &err))
		fail_msg("%s", err.text);
	return terms;
}

// 192 MiB was enough for this kernel with a smaller initrd.
static void test_auto(void **state)
{
	struct lb_layout_need need = debian;
	struct lb_layout_auto small, large;
	uint64_t minimum = 0;

	(void)state;
	small = automatic(&need);
	assert_int_equal(lb_layout_minimum(&need, &minimum, NULL), 0);
	assert_int_equal(small.minimum, minimum);
	assert_int_equal(small.unpacked_initrd, M(40));
	assert_int_equal(small.run, M(96));
	// A region below 256 MiB touches at most three sections, and the memory below 1 MiB is in a fourth.
	// They take three pages of descriptors, one page of roots, and 56 bytes of usage each.
	assert_int_equal(small.sections, 4 * M(2) + LB_MIB + 3 * LB_PAGE + 4 * 56);
	assert_int_equal(small.total, lb_align_up(minimum + M(40) + M(96) + small.sections, M(2)));
	assert_in_range(small.total, M(160), M(224));

	need.initrd = M(100);
	large = automatic(&need);
	assert_int_equal(large.unpacked_initrd, M(400));
	assert_true(large.sections > small.sections);
	assert_true(large.total - small.total >= M(450));

	need.initrd = LB_TIB;
	assert_int_equal(lb_layout_auto(&need, &large, NULL), -1);
}

// Wherever the region lies, it takes no more than was planned. At some place it takes all of it.
static void test_auto_sections(void **state)
{
	const struct lb_layout_auto terms = automatic(&debian);
	uint64_t most = 0;

	(void)state;
	for (uint64_t start = M(16); start < 96 * LB_GIB; start += M(2) * 31) {
		const struct lb_range ram[] = {{0, LB_LOW_END}, {start, start + terms.total}};
		struct lb_footprint_sections sections;

		for (unsigned int la57 = 0; la57 < 2; la57++) {
			assert_int_equal(lb_footprint_sections(ram, 2, la57, &sections), LB_FOOTPRINT_OK);
			most = sections.total_bytes > most ? sections.total_bytes : most;
		}
	}
	assert_true(most <= terms.sections && most + 2 * LB_PAGE > terms.sections);
}

// The low region has room for the bounce buffers and its own memory map.
static void test_low(void **state)
{
	(void)state;
	assert_true(lb_aligned(LB_LAYOUT_LOW_BYTES, M(2)));
	assert_true(LB_LAYOUT_LOW_BYTES >= M(64) + M(8) + 2 * M(2) + M(16));
}

// The tables that footprint.h counts for a region and a hook at any place fit in.
static void test_tables_bound(void **state)
{
	struct boot_e820_entry entries[] = {{0, 512 * LB_GIB, LB_E820_RAM}, {LB_TIB, LB_TIB, LB_E820_RAM}};
	const struct lb_range regions[] = {{M(16), M(24)},
					   {LB_GIB - M(2), LB_GIB + M(2)},
					   {LB_TIB, LB_TIB + M(8)},
					   {LB_TIB + M(2), LB_TIB + 3 * LB_GIB}};

	(void)state;
	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		const struct lb_e820 map = {entries, regions[i].start < LB_TIB ? 1 : 2, 2, true};
		struct lb_range ours[] = {{0, LB_MIB}, regions[i], {3 * LB_GIB - M(1), 3 * LB_GIB + M(1)}};
		struct lb_footprint_request request = {
			.ours = ours, .windows = LB_WINDOWS_AT, .la57 = true, .root4 = true};
		struct lb_footprint counted;

		request.ours_count = lb_footprint_tidy(ours, 3);
		assert_int_equal(lb_footprint(&request, LB_FOOTPRINT_OURS, &counted), LB_FOOTPRINT_OK);
		assert_in_range(lb_layout_tables_bound(&map, lb_range_size(regions[i])), counted.bytes,
				counted.bytes + 6 * LB_PAGE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_minimum_is_exact),
		cmocka_unit_test(test_bad_regions),
		cmocka_unit_test(test_absurd_needs),
		cmocka_unit_test(test_incomplete_needs),
		cmocka_unit_test(test_auto),
		cmocka_unit_test(test_auto_sections),
		cmocka_unit_test(test_low),
		cmocka_unit_test(test_tables_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
