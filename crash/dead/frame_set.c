// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/frame_set.h"

#include "lib/mem.h"

// A word is FRAME << COUNT_BITS | COUNT - 1, so that words are in the order of their frames.
#define COUNT_BITS 24
#define COUNT_MAX (1ULL << COUNT_BITS)
#define FRAMES_END (1ULL << (64 - COUNT_BITS)) // of 52-bit addresses

static uint64_t first_of(uint64_t range)
{
	return range >> COUNT_BITS;
}

static uint64_t end_of(uint64_t range)
{
	return first_of(range) + (range & (COUNT_MAX - 1)) + 1;
}

static uint64_t make(uint64_t first, uint64_t end)
{
	return first << COUNT_BITS | (end - first - 1);
}

void lb_frame_set_open(struct lb_frame_set *set, void *memory, uint64_t bytes)
{
	*set = (struct lb_frame_set){.ranges = memory, .capacity = bytes / sizeof(uint64_t)};
}

// Moves the element at `root` down to its place in a heap of `count` elements.
static void sift(uint64_t *ranges, uint64_t root, uint64_t count)
{
	for (uint64_t child; (child = 2 * root + 1) < count; root = child) {
		uint64_t parent = ranges[root];

		if (child + 1 < count && ranges[child + 1] > ranges[child])
			child++;
		if (parent >= ranges[child])
			return;
		ranges[root] = ranges[child];
		ranges[child] = parent;
	}
}

// Sorts in place, in n log n steps whatever the order was.
static void sort(uint64_t *ranges, uint64_t count)
{
	for (uint64_t i = count / 2; i-- > 0;)
		sift(ranges, i, count);
	for (uint64_t i = count; i-- > 1;) {
		uint64_t largest = ranges[0];

		ranges[0] = ranges[i];
		ranges[i] = largest;
		sift(ranges, 0, i);
	}
}

// Merges ranges that touch or overlap, as long as the length fits into a word.
static void merge(struct lb_frame_set *set)
{
	uint64_t kept = 0;

	sort(set->ranges, set->count);
	for (uint64_t i = 0; i < set->count; i++) {
		uint64_t first = first_of(set->ranges[i]), end = end_of(set->ranges[i]);

		if (kept && first <= end_of(set->ranges[kept - 1])) {
			uint64_t start = first_of(set->ranges[kept - 1]);

			if (end < end_of(set->ranges[kept - 1]))
				end = end_of(set->ranges[kept - 1]);
			if (end - start <= COUNT_MAX) {
				set->ranges[kept - 1] = make(start, end);
				continue;
			}
		}
		set->ranges[kept++] = make(first, end);
	}
	set->count = kept;
}

// Makes the last range longer by [first, end), if that range ends where this one begins.
static bool extend_last(struct lb_frame_set *set, uint64_t first, uint64_t end)
{
	uint64_t *last = set->count ? &set->ranges[set->count - 1] : NULL;

	if (!last || first != end_of(*last) || end - first_of(*last) > COUNT_MAX)
		return false;
	*last = make(first_of(*last), end);
	return true;
}

static void add_range(struct lb_frame_set *set, uint64_t first, uint64_t end)
{
	if (extend_last(set, first, end))
		return;
	// Merging goes on only while it gives much room. So the sum of all sorting stays bounded.
	if (set->count == set->capacity && !set->tight) {
		merge(set);
		set->tight = set->count > set->capacity / 2;
	}
	if (set->count < set->capacity)
		set->ranges[set->count++] = make(first, end);
	else
		set->full = true;
}

void lb_frame_set_add(struct lb_frame_set *set, uint64_t first, uint64_t frames)
{
	if (first >= FRAMES_END || frames > FRAMES_END - first)
		return;
	while (frames) {
		uint64_t piece = frames < COUNT_MAX ? frames : COUNT_MAX;

		add_range(set, first, first + piece);
		first += piece;
		frames -= piece;
	}
}

void lb_frame_set_close(struct lb_frame_set *set)
{
	merge(set);
	set->at = 0;
}

void lb_frame_set_rewind(struct lb_frame_set *set)
{
	set->at = 0;
}

bool lb_frame_set_has(struct lb_frame_set *set, uint64_t frame)
{
	while (set->at < set->count && end_of(set->ranges[set->at]) <= frame)
		set->at++;
	return set->at < set->count && first_of(set->ranges[set->at]) <= frame;
}
