// SPDX-License-Identifier: BSD-2-Clause
// Address ranges, and all arithmetic on them. Physical addresses, bytes.
#ifndef LIFEBOAT_RANGE_H
#define LIFEBOAT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#define LB_KIB 1024ULL
#define LB_MIB (1024ULL * LB_KIB)
#define LB_GIB (1024ULL * LB_MIB)
#define LB_TIB (1024ULL * LB_GIB)
#define LB_PAGE 4096ULL
#define LB_LOW_END LB_MIB // end of "the low 1 MiB"
#define LB_4GIB (4ULL * LB_GIB)

// [start, end): end is exclusive, start <= end. Empty when both are equal.
struct lb_range {
	uint64_t start;
	uint64_t end;
};

static inline uint64_t lb_range_size(struct lb_range r)
{
	return r.end - r.start;
}

static inline bool lb_range_empty(struct lb_range r)
{
	return r.end <= r.start;
}

static inline bool lb_range_contains(struct lb_range outer, struct lb_range inner)
{
	return outer.start <= inner.start && inner.end <= outer.end;
}

static inline bool lb_range_overlaps(struct lb_range a, struct lb_range b)
{
	return a.start < b.end && b.start < a.end;
}

// The part that both ranges share; empty (start == end) when there is none.
static inline struct lb_range lb_range_intersect(struct lb_range a, struct lb_range b)
{
	struct lb_range r = {a.start > b.start ? a.start : b.start, a.end < b.end ? a.end : b.end};

	if (r.end < r.start)
		r.end = r.start;
	return r;
}

// `align` is a power of two.
static inline bool lb_aligned(uint64_t value, uint64_t align)
{
	return (value & (align - 1)) == 0;
}

static inline uint64_t lb_align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

// The caller knows that value + align - 1 does not wrap. For a value from a file use lb_align_up_checked().
static inline uint64_t lb_align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

// False on wrap-around; *ret_value is unchanged then.
static inline bool lb_align_up_checked(uint64_t value, uint64_t align, uint64_t *ret_value)
{
	uint64_t sum;

	if (__builtin_add_overflow(value, align - 1, &sum))
		return false;
	*ret_value = sum & ~(align - 1);
	return true;
}

static inline uint64_t lb_pages(uint64_t bytes)
{
	return lb_align_up(bytes, LB_PAGE) / LB_PAGE;
}

#endif
