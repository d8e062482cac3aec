// SPDX-License-Identifier: BSD-2-Clause
// Property: for any request, lb_ident_build() makes as many tables as lb_ident_count() said, all inside the
// buffer. The walker, which shares no code with the builder, judges them with either root, at every border of
// a range and of a window, and one byte on either side. What was requested is mapped to itself, write-back or
// uncached, by the largest leaf that lies wholly inside; nothing else is mapped. A refused request is refused
// for a true reason.
#include "fuzz.h"
#include "lifeboat/x86.h"
#include "pgtable/ident.h"
#include "pgtable/walk.h"

#define RANGES_MAX 8U
#define PAGES_MAX 256U // number of tables; larger requests are only counted
#define TABLES_AT 0x123456000ULL

struct tables {
	uint8_t *buffer;
	uint64_t bytes;
};

static const void *table_page(void *ctx, uint64_t phys)
{
	const struct tables *tables = ctx;

	if (phys < TABLES_AT || phys - TABLES_AT >= tables->bytes)
		return NULL;
	return tables->buffer + (phys - TABLES_AT);
}

// True if this byte was requested; returns its type.
static bool is_wanted(const struct lb_ident_request *request, uint64_t at, enum lb_memtype *ret_type)
{
	for (size_t i = 0; i < request->count; i++) {
		const struct lb_ident_range *range = &request->ranges[i];

		if (at >= range->range.start && at < range->range.end) {
			*ret_type = range->type;
			return true;
		}
	}
	return false;
}

// True if every one of the `bytes` bytes around `at` was requested as `type`. Only ends of ranges can change
// this, so it goes from one end to the next.
static bool all_wanted(const struct lb_ident_request *request, uint64_t at, uint64_t bytes,
		       enum lb_memtype type)
{
	uint64_t start = lb_align_down(at, bytes), end = start + bytes;

	while (start < end) {
		uint64_t reached = start;

		for (size_t i = 0; i < request->count; i++) {
			const struct lb_ident_range *range = &request->ranges[i];

			if (range->type == type && start >= range->range.start && start < range->range.end)
				reached = range->range.end > reached ? range->range.end : reached;
		}
		if (reached == start)
			return false;
		start = reached;
	}
	return true;
}

static uint64_t largest_leaf(const struct lb_ident_request *request, uint64_t at, enum lb_memtype type)
{
	if (request->gib_pages && all_wanted(request, at, LB_GIB, type))
		return LB_GIB;
	return all_wanted(request, at, 2 * LB_MIB, type) ? 2 * LB_MIB : LB_PAGE;
}

static void check_at(const struct lb_ident_request *request, const struct lb_walk *walk, uint64_t at)
{
	const uint64_t uncached = X86_PTE_PCD | X86_PTE_PWT;
	enum lb_memtype type = LB_MEM_WB;
	struct lb_walk_leaf leaf;
	enum lb_walk_status status;

	if (at >> (walk->la57 ? 56 : 47))
		return; // below 0, or above all that can be requested
	status = lb_walk(walk, at, &leaf);
	if (!is_wanted(request, at, &type)) {
		fuzz_check(status == LB_WALK_NOT_PRESENT);
		return;
	}
	fuzz_check(status == LB_WALK_MAPPED && leaf.phys == at);
	fuzz_check(leaf.page_size == largest_leaf(request, at, type));
	fuzz_check((leaf.flags & uncached) == (type == LB_MEM_UC ? uncached : 0));
	fuzz_check((leaf.flags & ~(uncached | X86_PTE_PS)) ==
		   (X86_PTE_P | X86_PTE_W | X86_PTE_A | X86_PTE_D));
}

static void check_around(const struct lb_ident_request *request, const struct lb_walk *walk, uint64_t border)
{
	for (int byte = -1; byte <= 1; byte++)
		check_at(request, walk, border + (uint64_t)(int64_t)byte);
}

static void check_root(const struct lb_ident_request *request, struct tables *tables, uint64_t cr3, bool la57,
		       bool wanted)
{
	const struct lb_physmem mem = {table_page, tables};
	const struct lb_walk walk = {.mem = &mem, .cr3 = cr3, .la57 = la57, .phys_bits = request->phys_bits};

	fuzz_check(wanted == (cr3 != 0));
	if (!wanted)
		return;
	check_around(request, &walk, 0);
	for (size_t i = 0; i < request->count; i++) {
		const struct lb_range range = request->ranges[i].range;

		check_around(request, &walk, range.start);
		check_around(request, &walk, range.end);
		check_at(request, &walk, range.start / 2 + range.end / 2);
	}
	for (uint64_t at = 0; request->windows && at <= 2 * LB_PAGE; at += LB_PAGE)
		check_around(request, &walk, request->windows + at);
}

// The entries of both windows are in the tables and empty. A page that is put there appears.
static void check_windows(const struct lb_ident_request *request, struct tables *tables,
			  const struct lb_ident_tables *built)
{
	const struct lb_window *windows[] = {&built->window, &built->device_window};
	const uint64_t target = 0x7654321000ULL & ((1ULL << request->phys_bits) - 1);
	const struct lb_physmem mem = {table_page, tables};

	for (unsigned int i = 0; i < 2; i++) {
		struct lb_walk walk = {.mem = &mem, .phys_bits = request->phys_bits};
		const uint64_t entry = target | X86_PTE_P | X86_PTE_W;
		struct lb_walk_leaf leaf;
		uint64_t *slot;

		fuzz_check(windows[i]->virt == (request->windows ? request->windows + i * LB_PAGE : 0));
		if (!request->windows)
			continue;
		slot = (uint64_t *)(void *)(tables->buffer + (windows[i]->pte - TABLES_AT));
		fuzz_check(windows[i]->pte % 8 == 0 && windows[i]->pte - TABLES_AT < tables->bytes);
		fuzz_check(*slot == 0);
		*slot = entry;
		walk.cr3 = request->root4 ? built->cr3_4level : built->cr3_5level;
		walk.la57 = !request->root4;
		fuzz_check(lb_walk(&walk, windows[i]->virt + 5, &leaf) == LB_WALK_MAPPED);
		fuzz_check(leaf.phys == target + 5 && leaf.page_size == LB_PAGE);
		*slot = 0;
	}
}

static void check_built(const struct lb_ident_request *request, const struct lb_ident_size *size)
{
	struct tables tables = {.bytes = size->pages * LB_PAGE};
	struct lb_ident_tables built;

	tables.buffer = aligned_alloc(LB_PAGE, tables.bytes);
	if (!tables.buffer)
		abort();
	fuzz_poison(tables.buffer, tables.bytes);
	fuzz_check(lb_ident_build(request, tables.buffer, size->pages - 1, TABLES_AT, &built) ==
		   LB_IDENT_NO_ROOM);
	fuzz_check_untouched(tables.buffer, tables.bytes);
	fuzz_check(lb_ident_build(request, tables.buffer, size->pages, TABLES_AT, &built) == LB_IDENT_OK);
	fuzz_check(memcmp(&built.size, size, sizeof(*size)) == 0);
	check_root(request, &tables, built.cr3_4level, false, request->root4);
	check_root(request, &tables, built.cr3_5level, true, request->root5);
	check_windows(request, &tables, &built);
	free(tables.buffer);
}

static void check_refused(const struct lb_ident_request *request, enum lb_ident_status status)
{
	bool unaligned = false, empty = false, high = false, conflict = false;
	uint64_t limit = request->phys_bits < 47 || !request->root4 ? 1ULL << request->phys_bits : 1ULL << 47;

	for (size_t i = 0; i < request->count; i++) {
		const struct lb_ident_range *one = &request->ranges[i];

		unaligned = unaligned || !lb_aligned(one->range.start | one->range.end, LB_PAGE);
		empty = empty || one->range.end <= one->range.start;
		high = high || one->range.end > limit;
		conflict =
			conflict || (request->windows && one->range.start < request->windows + 2 * LB_PAGE &&
				     one->range.end > request->windows);
		for (size_t j = 0; j < i; j++)
			conflict = conflict || (one->type != request->ranges[j].type &&
						lb_range_overlaps(one->range, request->ranges[j].range));
	}
	switch (status) {
	case LB_IDENT_OK:
		fuzz_check(!unaligned && !empty && !high && !conflict);
		fuzz_check(request->root4 || request->root5);
		return;
	case LB_IDENT_UNALIGNED:
		fuzz_check(unaligned);
		return;
	case LB_IDENT_EMPTY:
		fuzz_check(empty);
		return;
	case LB_IDENT_TOO_HIGH:
		fuzz_check(high);
		return;
	case LB_IDENT_CONFLICT:
		fuzz_check(conflict);
		return;
	case LB_IDENT_BAD_OPTION:
		fuzz_check(!(request->root4 || request->root5) || !lb_aligned(request->windows, LB_PAGE) ||
			   request->windows > LB_GIB - 2 * LB_PAGE);
		return;
	case LB_IDENT_NO_ROOM:
		abort();
	}
}

// Takes a range that ends near pages (mostly), larger pages, other ranges and the upper end. It has at most a
// few GiB, so that counting is quick.
static struct lb_ident_range take_range(struct fuzz_input *input, uint64_t last, unsigned int phys_bits)
{
	static const unsigned int shifts[] = {12, 12, 21, 30};
	uint8_t how = (uint8_t)fuzz_take(input, 1);
	uint64_t at = fuzz_take(input, 5);
	uint64_t length = fuzz_take(input, 2);
	struct lb_ident_range result = {.type = how & 1 ? LB_MEM_UC : LB_MEM_WB};
	uint64_t start = at << shifts[how >> 1 & 3];

	length <<= shifts[how >> 3 & 3];
	if (how & 0x20)
		start = last;
	if (how & 0x40)
		start = (1ULL << phys_bits) - length;
	result.range = (struct lb_range){start, start + length % (4 * LB_GIB)};
	result.range.end += how == 0x80; // the end is not on a page
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	struct lb_ident_range ranges[RANGES_MAX];
	uint8_t flags = (uint8_t)fuzz_take(&input, 1);
	struct lb_ident_request request = {
		.ranges = ranges,
		.phys_bits = 36 + (unsigned int)fuzz_take(&input, 1) % 17,
		.gib_pages = flags & 1,
		.root4 = flags & 2,
		.root5 = flags & 4,
		.windows = flags & 8 ? fuzz_take(&input, 3) << 12 : 0,
	};
	struct lb_ident_size size;
	enum lb_ident_status status;
	uint64_t last = 0;

	while (input.left && request.count < RANGES_MAX) {
		ranges[request.count] = take_range(&input, last, request.phys_bits);
		last = ranges[request.count++].range.end;
	}
	status = lb_ident_count(&request, &size);
	check_refused(&request, status);
	fuzz_check(lb_ident_status_text(status)[0]);
	if (status != LB_IDENT_OK)
		return 0;
	fuzz_check(size.pages == size.pml5 + size.pml4 + size.pdpt + size.pd + size.pt);
	if (size.pages <= PAGES_MAX)
		check_built(&request, &size);
	return 0;
}
