// SPDX-License-Identifier: BSD-2-Clause
#include "lib/suggest.h"

#include "lib/format.h"

#define LETTERS_MAX 23U
#define EDITS_MAX 3U

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

// The number of edits that make `to` of `from`. Row i holds those for the first i letters of `from`, column
// j for the first j of `to`. Swapped neighbours count as one edit.
static uint32_t edits(const char *from, size_t from_bytes, const char *to, size_t to_bytes)
{
	uint32_t cost[LETTERS_MAX + 1][LETTERS_MAX + 1];

	for (uint32_t i = 0; i <= from_bytes; i++) {
		for (uint32_t j = 0; j <= to_bytes; j++) {
			if (i == 0 || j == 0) {
				cost[i][j] = i + j;
				continue;
			}
			cost[i][j] = least(cost[i - 1][j - 1] + (from[i - 1] != to[j - 1]),
					   least(cost[i - 1][j], cost[i][j - 1]) + 1);
			if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
				cost[i][j] = least(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	}
	return cost[from_bytes][to_bytes];
}

const char *lb_suggest(const char *word, size_t bytes, lb_suggest_names *names)
{
	uint32_t nearest;
	const char *best = NULL;

	if (bytes > LETTERS_MAX)
		return NULL;
	nearest = least((uint32_t)bytes / 3, EDITS_MAX) + 1;
	for (uint32_t i = 0; names(i); i++) {
		size_t name_bytes = lb_strlen(names(i));
		uint32_t far;

		if (name_bytes > LETTERS_MAX)
			continue;
		far = edits(word, bytes, names(i), name_bytes);
		if (far < nearest) {
			nearest = far;
			best = names(i);
		}
	}
	return best;
}
