// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/canary.h"

#include <stddef.h>

#define MAGIC 0x59524e41434c424cULL // "LBLCANRY"
#define WORDS (LB_PAGE / sizeof(uint64_t))

// Each word is the one before it, mixed (xorshift64): memory that decays loses some of them.
static uint64_t next(uint64_t word)
{
	word ^= word << 13;
	word ^= word >> 7;
	return word ^ word << 17;
}

void lb_canary_fill(void *page, uint64_t phys)
{
	uint64_t *words = page, word = MAGIC ^ phys;

	for (size_t i = 0; i < WORDS; i++, word = next(word))
		words[i] = word;
}

bool lb_canary_lives(const void *page, uint64_t phys)
{
	const uint64_t *words = page;
	uint64_t word = MAGIC ^ phys;

	for (size_t i = 0; i < WORDS; i++, word = next(word)) {
		if (words[i] != word)
			return false;
	}
	return true;
}

struct lb_range lb_canary_range(struct lb_range free)
{
	const uint64_t bytes = LB_CANARY_PAGES * LB_PAGE;
	const struct lb_range pages = {lb_align_up(free.start, LB_PAGE), lb_align_down(free.end, LB_PAGE)};

	if (pages.end <= pages.start || lb_range_size(pages) < 2 * bytes)
		return (struct lb_range){0, 0};
	return (struct lb_range){pages.end - bytes, pages.end};
}
