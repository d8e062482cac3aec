// SPDX-License-Identifier: BSD-2-Clause
// The builder behind ident.h. span_at() answers one question: what is wanted from this address on, and up
// to which end? So the ranges need no sorting, no merging and no memory of their own. One recursion,
// fill(), both counts and builds, so the two cannot disagree.
#include "pgtable/ident.h"
#include "lib/mem.h"
#include "lifeboat/x86.h"

// The bits of a leaf besides its address and type. An entry that leads to a table has them, too. NX, U and
// G are left out: they mean nothing here, and some depend on EFER.
#define LEAF_BITS (X86_PTE_P | X86_PTE_W | X86_PTE_A | X86_PTE_D)
#define TABLE_BITS (X86_PTE_P | X86_PTE_W | X86_PTE_A)

enum { PT, PD, PDPT, PML4, PML5, LEVELS };

// One level of the tables. A level that has no leaves has page size 0.
struct level {
	unsigned int shift; // an entry covers 1 << shift bytes
	uint64_t page_size;
	uint64_t leaf_bits; // beyond LEAF_BITS
};

static const struct level all_levels[LEVELS] = {
	[PT] = {.shift = 12, .page_size = LB_PAGE},
	[PD] = {.shift = 21, .page_size = 2 * LB_MIB, .leaf_bits = X86_PTE_PS},
	[PDPT] = {.shift = 30, .page_size = LB_GIB, .leaf_bits = X86_PTE_PS},
	[PML4] = {.shift = 39},
	[PML5] = {.shift = 48},
};

// The kinds of mapping that may be wanted of an address.
enum want {
	WANT_NOTHING,
	WANT_WINDOW, // a table entry that is empty
	WANT_WB,
	WANT_UC,
};

// A range from the address asked about to `end`, exclusive, that is wanted in one way.
struct span {
	enum want want;
	uint64_t end;
};

struct builder {
	const struct lb_ident_request *request;
	struct level levels[LEVELS];
	struct span span; // holds up to its end: fill() only ever goes up, through all levels
	uint64_t (*buffer)[X86_PT_ENTRIES]; // NULL: count only
	uint64_t buffer_phys;
	size_t tables[LEVELS];
	uint64_t leaves[LEVELS];
	size_t taken; // tables so far, of all levels
	struct lb_ident_tables result;
};

static enum want want_of(enum lb_memtype type)
{
	return type == LB_MEM_UC ? WANT_UC : WANT_WB;
}

// The range of both windows; empty when there are none.
static struct lb_range windows_of(const struct lb_ident_request *request)
{
	uint64_t bytes = request->windows ? 2 * LB_PAGE : 0;

	return (struct lb_range){request->windows, request->windows + bytes};
}

// Whether `range` continues the span of `address`, of which *span is known so far. *next becomes the start
// of the nearest range above. In a long list nearly all ranges lie apart; they cost two comparisons each.
static bool extend(struct span *span, uint64_t address, uint64_t *next, struct lb_range range, enum want want)
{
	if (range.start > address && range.start < *next)
		*next = range.start;
	if (range.start > span->end || range.end <= span->end)
		return false;
	if (span->want != WANT_NOTHING && span->want != want)
		return false;
	*span = (struct span){want, range.end};
	return true;
}

// Follows ranges of one kind that overlap or touch. The first turn of the outer loop takes all ranges that
// hold `address`; another turn is needed only when a range begins inside the span. Every turn reaches the
// end of another range, so the loop ends.
static struct span span_at(const struct lb_ident_request *request, uint64_t address)
{
	struct span span = {WANT_NOTHING, address};
	uint64_t next = UINT64_MAX;
	bool grown;

	do {
		grown = extend(&span, address, &next, windows_of(request), WANT_WINDOW);
		for (size_t i = 0; i < request->count; i++) {
			const struct lb_ident_range *r = &request->ranges[i];

			grown |= extend(&span, address, &next, r->range, want_of(r->type));
		}
	} while (grown && next <= span.end);
	if (span.want == WANT_NOTHING)
		span.end = next;
	return span;
}

// Takes the next free table of the buffer. Returns its index there.
static size_t take_table(struct builder *b, int level)
{
	b->tables[level]++;
	return b->taken++;
}

static uint64_t table_phys(const struct builder *b, size_t table)
{
	return b->buffer_phys + table * LB_PAGE;
}

static void set_entry(struct builder *b, size_t table, unsigned int i, uint64_t entry)
{
	if (b->buffer)
		b->buffer[table][i] = entry;
}

// Writes `count` leaves from entry `i` on, for the addresses from `address` on.
static void set_leaves(struct builder *b, int level, size_t table, unsigned int i, uint64_t count,
		       uint64_t address)
{
	const struct level *l = &b->levels[level];
	uint64_t entry =
		address | LEAF_BITS | l->leaf_bits | (b->span.want == WANT_UC ? X86_PTE_UNCACHED : 0);

	b->leaves[level] += count;
	for (uint64_t n = 0; b->buffer && n < count; n++)
		b->buffer[table][i + n] = entry + n * l->page_size;
}

// Notes a window's entry. The address tells the two apart: the first is write-back. The entries stay zero
// until somebody uses them.
static void note_window(struct builder *b, size_t table, unsigned int i, uint64_t address)
{
	struct lb_window *window = &b->result.window;

	if (address != b->request->windows)
		window = &b->result.device_window;
	*window = (struct lb_window){.virt = address, .pte = table_phys(b, table) + i * sizeof(uint64_t)};
}

// Takes one table for the addresses from `base` on, and fills it and all tables below. Returns its physical
// address. An entry is a leaf when this level has leaves and all that it covers is wanted in one way. It is
// empty when nothing is wanted. Otherwise it leads to a table one level down. At the lowest level an entry
// is always wanted as a whole, because all ranges are 4 KiB aligned.
static uint64_t fill(struct builder *b, int level, uint64_t base)
{
	const struct level *l = &b->levels[level];
	size_t table = take_table(b, level);
	unsigned int i = 0;

	while (i < X86_PT_ENTRIES) {
		uint64_t start = base + ((uint64_t)i << l->shift);
		uint64_t alike; // entries from here on that are wanted alike as a whole

		if (b->span.end <= start)
			b->span = span_at(b->request, start);
		alike = (b->span.end - start) >> l->shift;
		if (alike > X86_PT_ENTRIES - i)
			alike = X86_PT_ENTRIES - i;
		if (alike && b->span.want == WANT_NOTHING) {
			i += alike;
		} else if (alike && b->span.want != WANT_WINDOW && l->page_size) {
			set_leaves(b, level, table, i, alike, start);
			i += alike;
		} else if (level == PT) {
			note_window(b, table, i++, start);
		} else {
			set_entry(b, table, i++, fill(b, level - 1, start) | TABLE_BITS);
		}
	}
	return table_phys(b, table);
}

// Makes a PML5 whose one entry leads to the PML4 that exists already.
static uint64_t fill_pml5_over(struct builder *b, uint64_t pml4)
{
	size_t table = take_table(b, PML5);

	set_entry(b, table, 0, pml4 | TABLE_BITS);
	return table_phys(b, table);
}

static void run(struct builder *b)
{
	const struct lb_ident_request *request = b->request;
	struct lb_ident_tables *result = &b->result;

	memcpy(b->levels, all_levels, sizeof(all_levels));
	if (!request->gib_pages)
		b->levels[PDPT].page_size = 0;

	if (request->root4)
		result->cr3_4level = fill(b, PML4, 0);
	if (request->root4 && request->root5)
		result->cr3_5level = fill_pml5_over(b, result->cr3_4level);
	else if (request->root5)
		result->cr3_5level = fill(b, PML5, 0);

	result->size = (struct lb_ident_size){
		.pages = b->taken,
		.pml5 = b->tables[PML5],
		.pml4 = b->tables[PML4],
		.pdpt = b->tables[PDPT],
		.pd = b->tables[PD],
		.pt = b->tables[PT],
		.leaves_4k = b->leaves[PT],
		.leaves_2m = b->leaves[PD],
		.leaves_1g = b->leaves[PDPT],
	};
}

static enum lb_ident_status check_options(const struct lb_ident_request *request)
{
	if (!request->root4 && !request->root5)
		return LB_IDENT_BAD_OPTION;
	if (request->phys_bits < 36 || request->phys_bits > 52)
		return LB_IDENT_BAD_OPTION;
	if (!lb_aligned(request->windows, LB_PAGE) || request->windows > LB_GIB - 2 * LB_PAGE)
		return LB_IDENT_BAD_OPTION;
	return LB_IDENT_OK;
}

static enum lb_ident_status check_range(const struct lb_ident_request *request, struct lb_range range)
{
	uint64_t limit = 1ULL << request->phys_bits;

	// The limit with 5 levels, 1 << 56, lies above every physical address.
	if (request->root4 && limit > X86_END_OF_4LEVEL)
		limit = X86_END_OF_4LEVEL;
	if (!lb_aligned(range.start | range.end, LB_PAGE))
		return LB_IDENT_UNALIGNED;
	if (lb_range_empty(range))
		return LB_IDENT_EMPTY;
	if (range.end > limit)
		return LB_IDENT_TOO_HIGH;
	return LB_IDENT_OK;
}

static enum lb_ident_status check(const struct lb_ident_request *request)
{
	enum lb_ident_status status = check_options(request);

	for (size_t i = 0; i < request->count && status == LB_IDENT_OK; i++)
		status = check_range(request, request->ranges[i].range);
	if (status != LB_IDENT_OK)
		return status;

	for (size_t i = 0; i < request->count; i++) {
		const struct lb_ident_range *one = &request->ranges[i];

		if (lb_range_overlaps(one->range, windows_of(request)))
			return LB_IDENT_CONFLICT;
		for (size_t j = 0; j < i; j++) {
			const struct lb_ident_range *other = &request->ranges[j];

			if (one->type != other->type && lb_range_overlaps(one->range, other->range))
				return LB_IDENT_CONFLICT;
		}
	}
	return LB_IDENT_OK;
}

enum lb_ident_status lb_ident_count(const struct lb_ident_request *request, struct lb_ident_size *ret_size)
{
	struct builder b = {.request = request};
	enum lb_ident_status status = check(request);

	if (status != LB_IDENT_OK)
		return status;
	run(&b);
	*ret_size = b.result.size;
	return LB_IDENT_OK;
}

enum lb_ident_status lb_ident_build(const struct lb_ident_request *request, void *buffer, size_t buffer_pages,
				    uint64_t buffer_phys, struct lb_ident_tables *ret_tables)
{
	struct builder b = {.request = request, .buffer = buffer, .buffer_phys = buffer_phys};
	struct lb_ident_size size;
	enum lb_ident_status status = lb_ident_count(request, &size);
	uint64_t buffer_end;

	if (status != LB_IDENT_OK)
		return status;
	if (buffer_pages < size.pages)
		return LB_IDENT_NO_ROOM;
	if (!lb_aligned(buffer_phys, LB_PAGE) || !lb_aligned((uintptr_t)buffer, LB_PAGE))
		return LB_IDENT_BAD_OPTION;
	if (__builtin_add_overflow(buffer_phys, size.pages * LB_PAGE, &buffer_end) ||
	    buffer_end > 1ULL << request->phys_bits)
		return LB_IDENT_BAD_OPTION;

	memset(buffer, 0, size.pages * LB_PAGE);
	run(&b);
	*ret_tables = b.result;
	return LB_IDENT_OK;
}

const char *lb_ident_status_text(enum lb_ident_status status)
{
	switch (status) {
	case LB_IDENT_OK:
		return "page tables are complete";
	case LB_IDENT_UNALIGNED:
		return "a range to map is not aligned to 4 KiB";
	case LB_IDENT_EMPTY:
		return "a range to map is empty or wraps around";
	case LB_IDENT_TOO_HIGH:
		return "a range to map ends above what the CPU or 4-level paging can address";
	case LB_IDENT_CONFLICT:
		return "two ranges to map overlap with different memory types, or one holds a window";
	case LB_IDENT_BAD_OPTION:
		return "no root, the physical address width, the windows or the buffer's address is wrong";
	case LB_IDENT_NO_ROOM:
		return "the buffer is too small for the page tables";
	}
	return "unknown page-table status";
}
