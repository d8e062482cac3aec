// SPDX-License-Identifier: BSD-2-Clause
// Judges identity tables: what was requested is mapped to itself, with the right type and the largest leaves
// that lie wholly inside, and nothing else is present. It uses the walker, which is written apart from the
// builder, and a plain model of the request: the sorted, merged list of ranges. For tables from the builder
// (test_ident.c) and tables read back from crash memory (tests/vm/tables_verdict.c). Asserts with cmocka,
// which is included before.
#ifndef LIFEBOAT_TESTS_UNIT_IDENT_JUDGE_H
#define LIFEBOAT_TESTS_UNIT_IDENT_JUDGE_H

#include <stdlib.h>

#include "lifeboat/x86.h"
#include "pgtable/ident.h"
#include "pgtable/walk.h"
#include "unit.h"

#ifndef MAX_RANGES
#define MAX_RANGES 12 // in one list
#endif
#define MAX_RUNS (2 * MAX_RANGES + 2)
#define END_OF_4LEVEL (1ULL << 47)

#define WB_4K (X86_PTE_P | X86_PTE_W | X86_PTE_A | X86_PTE_D)
#define UC_4K (WB_4K | X86_PTE_PWT | X86_PTE_PCD)

// ---- the model -------------------------------------------------------------

// The request as ascending runs. Runs do not overlap, and do not touch if they have one type. The windows are
// a run of their own.
struct run {
	struct lb_range range;
	enum { RUN_WB = LB_MEM_WB, RUN_UC = LB_MEM_UC, RUN_WINDOW } kind;
};

struct model {
	struct run runs[MAX_RUNS];
	size_t count;
};

static inline int compare_runs(const void *left, const void *right)
{
	const struct run *l = left, *r = right;

	return l->range.start < r->range.start ? -1 : l->range.start > r->range.start;
}

static inline struct model model_of(const struct lb_ident_request *request)
{
	struct model model = {.count = request->count};
	size_t merged = 0;

	assert_in_range(request->count, 0, MAX_RANGES);
	for (size_t i = 0; i < request->count; i++) {
		model.runs[i].range = request->ranges[i].range;
		model.runs[i].kind = (int)request->ranges[i].type;
	}
	if (request->windows)
		model.runs[model.count++] = (struct run){
			.range = {request->windows, request->windows + 2 * LB_PAGE}, .kind = RUN_WINDOW};
	qsort(model.runs, model.count, sizeof(model.runs[0]), compare_runs);
	for (size_t i = 0; i < model.count; i++) {
		struct run *last = merged ? &model.runs[merged - 1] : NULL;
		const struct run *run = &model.runs[i];

		if (!last || last->kind != run->kind || last->range.end < run->range.start)
			model.runs[merged++] = *run;
		else if (last->range.end < run->range.end)
			last->range.end = run->range.end;
	}
	model.count = merged;
	return model;
}

static inline const struct run *run_at(const struct model *model, uint64_t address)
{
	for (size_t i = 0; i < model->count; i++)
		if (model->runs[i].range.start <= address && address < model->runs[i].range.end)
			return &model->runs[i];
	return NULL;
}

static inline bool is_leaf_size(const struct lb_ident_request *request, uint64_t size)
{
	return size == LB_PAGE || size == 2 * LB_MIB || (size == LB_GIB && request->gib_pages);
}

// Returns the slot of `size` bytes (a power of two) that holds `address`.
static inline struct lb_range slot_at(uint64_t address, uint64_t size)
{
	return (struct lb_range){address & ~(size - 1), (address & ~(size - 1)) + size};
}

static inline bool is_leaf(const struct lb_ident_request *request, const struct run *run,
			   struct lb_range slot)
{
	return run->kind != RUN_WINDOW && is_leaf_size(request, lb_range_size(slot)) &&
	       lb_range_contains(run->range, slot);
}

// Returns the number of tables whose entries together cover `size` bytes each: one for every such slot that holds
// something and is not one leaf.
static inline size_t model_tables(const struct lb_ident_request *request, const struct model *model,
				  uint64_t size)
{
	uint64_t counted_to = 0; // slots below are counted
	size_t tables = 0;

	for (size_t i = 0; i < model->count; i++) {
		const struct run *run = &model->runs[i];
		uint64_t start = lb_align_down(run->range.start, size);

		if (start < counted_to)
			start = counted_to;
		while (start < run->range.end) {
			if (is_leaf(request, run, slot_at(start, size))) {
				start = lb_align_down(run->range.end, size); // up to this slot all are leaves
			} else {
				tables++;
				start += size;
			}
			counted_to = start;
		}
	}
	return tables;
}

// Returns the bytes of a run in whole, aligned pages of `size`.
static inline uint64_t whole_bytes(struct lb_range range, uint64_t size)
{
	const uint64_t start = lb_align_up(range.start, size), end = lb_align_down(range.end, size);

	return start < end ? end - start : 0;
}

static inline void add_model_leaves(const struct lb_ident_request *request, const struct run *run,
				    struct lb_ident_size *size)
{
	const uint64_t in_1g = request->gib_pages ? whole_bytes(run->range, LB_GIB) : 0;
	const uint64_t in_2m = whole_bytes(run->range, 2 * LB_MIB) - in_1g;

	if (run->kind == RUN_WINDOW)
		return;
	size->leaves_1g += in_1g / LB_GIB;
	size->leaves_2m += in_2m / (2 * LB_MIB);
	size->leaves_4k += (lb_range_size(run->range) - in_1g - in_2m) / LB_PAGE;
}

static inline struct lb_ident_size model_size(const struct lb_ident_request *request,
					      const struct model *model)
{
	struct lb_ident_size size = {
		.pt = model_tables(request, model, 2 * LB_MIB),
		.pd = model_tables(request, model, LB_GIB),
		.pdpt = model_tables(request, model, 512 * LB_GIB),
		.pml4 = model_tables(request, model, 1ULL << 48),
		.pml5 = request->root5,
	};

	for (size_t i = 0; i < model->count; i++)
		add_model_leaves(request, &model->runs[i], &size);
	if (request->root4)
		size.pml4 = 1; // there is a PML4 even if it is empty
	size.pages = size.pml5 + size.pml4 + size.pdpt + size.pd + size.pt;
	return size;
}

// ---- the tables under test -------------------------------------------------

struct built {
	uint8_t *buffer;
	size_t pages;
	uint64_t phys;
	struct lb_ident_tables tables;
};

static inline const void *built_page(void *ctx, uint64_t phys)
{
	const struct built *built = ctx;

	if (phys < built->phys || phys >= built->phys + built->pages * LB_PAGE)
		return NULL;
	return built->buffer + (phys - built->phys);
}

static inline void assert_sizes_equal(const struct lb_ident_size *one, const struct lb_ident_size *other)
{
	assert_int_equal(one->pages, other->pages);
	assert_int_equal(one->pml5, other->pml5);
	assert_int_equal(one->pml4, other->pml4);
	assert_int_equal(one->pdpt, other->pdpt);
	assert_int_equal(one->pd, other->pd);
	assert_int_equal(one->pt, other->pt);
	assert_int_equal(one->leaves_4k, other->leaves_4k);
	assert_int_equal(one->leaves_2m, other->leaves_2m);
	assert_int_equal(one->leaves_1g, other->leaves_1g);
}

// ---- the judgement ---------------------------------------------------------

struct judge {
	const struct lb_ident_request *request;
	struct model model;
	struct lb_walk walk;
};

static inline void judge_leaf(const struct judge *judge, uint64_t address, const struct lb_walk_leaf *leaf)
{
	const struct run *run = run_at(&judge->model, address);
	uint64_t flags;

	assert_non_null(run);
	assert_int_not_equal(run->kind, RUN_WINDOW);
	flags = run->kind == RUN_UC ? UC_4K : WB_4K;
	if (leaf->page_size != LB_PAGE)
		flags |= X86_PTE_PS;
	assert_int_equal(leaf->phys, address);
	assert_int_equal(leaf->flags, flags);

	// The leaf lies in the request, and is the largest that fits.
	assert_true(is_leaf(judge->request, run, slot_at(address, leaf->page_size)));
	assert_false(is_leaf(judge->request, run, slot_at(address, leaf->page_size * 512)));
}

static inline void judge_address(const struct judge *judge, uint64_t address)
{
	const struct run *run = run_at(&judge->model, address);
	struct lb_walk_leaf leaf;
	enum lb_walk_status status = lb_walk(&judge->walk, address, &leaf);

	if (!judge->walk.la57 && address >= END_OF_4LEVEL) {
		assert_int_equal(status, LB_WALK_NOT_CANONICAL);
	} else if (!run || run->kind == RUN_WINDOW) {
		assert_int_equal(status, LB_WALK_NOT_PRESENT);
	} else {
		assert_int_equal(status, LB_WALK_MAPPED);
		judge_leaf(judge, address, &leaf);
	}
}

static inline void judge_around(const struct judge *judge, uint64_t boundary)
{
	if (boundary)
		judge_address(judge, boundary - 1);
	judge_address(judge, boundary);
	judge_address(judge, boundary + 1);
}

// Walks leaf by leaf from 0 to the top, the upper half included. All of the request is mapped, and nothing
// else.
static inline void judge_everything(const struct judge *judge)
{
	uint64_t mapped = 0, wanted = 0, address = 0;
	struct lb_walk_leaf leaf;

	while (lb_walk_next(&judge->walk, address, UINT64_MAX, &address, &leaf)) {
		assert_true(lb_aligned(address, leaf.page_size));
		judge_leaf(judge, address, &leaf);
		mapped += leaf.page_size;
		address += leaf.page_size;
	}
	for (size_t i = 0; i < judge->model.count; i++)
		if (judge->model.runs[i].kind != RUN_WINDOW)
			wanted += lb_range_size(judge->model.runs[i].range);
	assert_int_equal(mapped, wanted);
}

static inline void judge_window(const struct built *built, const struct lb_window *window, uint64_t virt,
				enum lb_memtype type, const struct judge *judge)
{
	const uint64_t target = 0xabcde000;
	const uint64_t flags = type == LB_MEM_UC ? UC_4K : WB_4K;
	struct lb_walk_leaf leaf;
	uint64_t *pte;

	assert_int_equal(window->virt, virt);
	assert_in_range(window->pte, built->phys, built->phys + built->pages * LB_PAGE - sizeof(*pte));
	pte = (uint64_t *)(void *)(built->buffer + (window->pte - built->phys));
	assert_int_equal(*pte, 0);

	// Writes a window's entry as the purgatory does.
	*pte = target | flags;
	assert_int_equal(lb_walk(&judge->walk, virt + 0x123, &leaf), LB_WALK_MAPPED);
	assert_int_equal(leaf.phys, target + 0x123);
	assert_int_equal(leaf.flags, flags);
	assert_int_equal(leaf.page_size, LB_PAGE);
	*pte = 0;
	assert_int_equal(lb_walk(&judge->walk, virt, &leaf), LB_WALK_NOT_PRESENT);
}

static inline void judge_root(struct built *built, const struct lb_ident_request *request, bool la57,
			      bool everything)
{
	struct lb_physmem mem = {.page = built_page, .ctx = built};
	struct judge judge = {
		.request = request,
		.model = model_of(request),
		.walk = {.mem = &mem,
			 .cr3 = la57 ? built->tables.cr3_5level : built->tables.cr3_4level,
			 .la57 = la57,
			 .phys_bits = request->phys_bits},
	};

	assert_true(lb_aligned(judge.walk.cr3, LB_PAGE));
	judge_address(&judge, 0);
	for (size_t i = 0; i < request->count; i++) {
		judge_around(&judge, request->ranges[i].range.start);
		judge_around(&judge, request->ranges[i].range.end);
	}
	if (request->windows) {
		judge_around(&judge, request->windows);
		judge_around(&judge, request->windows + LB_PAGE);
		judge_around(&judge, request->windows + 2 * LB_PAGE);
		judge_window(built, &built->tables.window, request->windows, LB_MEM_WB, &judge);
		judge_window(built, &built->tables.device_window, request->windows + LB_PAGE, LB_MEM_UC,
			     &judge);
	}
	if (everything)
		judge_everything(&judge);
}

#endif
