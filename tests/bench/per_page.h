// SPDX-License-Identifier: BSD-2-Clause
// The baseline for pgtable/ident.c: an identity map built in the usual way, one leaf at a time from the root,
// each range alone. It has the same leaves, entries and number of tables, if no two ranges touch.
#ifndef LIFEBOAT_TESTS_BENCH_PER_PAGE_H
#define LIFEBOAT_TESTS_BENCH_PER_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lifeboat/range.h"

// Maps `ranges` write-back below a 4-level root, which is the first page of `buffer`. The buffer is all
// zeroes, has `pages` pages, and will lie at physical `phys`. Returns the number of pages used, or 0 if there
// are too few.
size_t per_page_build(const struct lb_range *ranges, size_t count, bool gib_pages, void *buffer, size_t pages,
		      uint64_t phys);

#endif
