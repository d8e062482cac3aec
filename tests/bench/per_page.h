// SPDX-License-Identifier: BSD-2-Clause
// The baseline that pgtable/ident.c is measured against: an identity map built the
// way it is usually written, one leaf at a time from the root, each range by itself.
// Same leaves, same entries, same number of tables, as long as no two ranges touch.
#ifndef LIFEBOAT_TESTS_BENCH_PER_PAGE_H
#define LIFEBOAT_TESTS_BENCH_PER_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lifeboat/range.h"

// Maps `ranges` write-back under a 4-level root that becomes the first page of
// `buffer`, which is all zeros and will lie at physical `phys`. Returns the pages
// taken, 0 when `pages` are not enough.
size_t per_page_build(const struct lb_range *ranges, size_t count, bool gib_pages, void *buffer, size_t pages,
		      uint64_t phys);

#endif
