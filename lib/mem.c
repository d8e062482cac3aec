// SPDX-License-Identifier: BSD-2-Clause
// The functions that a freestanding compiler may call (GCC manual, "Standards": memcpy, memmove, memset,
// memcmp). Copies and fills are string instructions: a compiler would turn a loop into a call of the
// function that it stands in. String instructions need the direction flag clear, which the ABI promises.
// They are fast on any CPU with ERMSB (SDM 1 7.3.9.3).
#include "lib/mem.h"

static void copy_forward(unsigned char *to, const unsigned char *from, size_t bytes)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	copy_forward(to, from, bytes);
	return to;
}

// When `to` lies inside the source, a piece of `distance` bytes does not overlap its own destination. So
// pieces of that length are copied from the end down, each one forward. The direction flag stays clear, and
// no NMI handler can find it set.
void *memmove(void *to, const void *from, size_t bytes)
{
	unsigned char *target = to;
	const unsigned char *source = from;
	size_t distance = (size_t)target - (size_t)source;

	// Unsigned: also true when `to` is the lower one.
	if (distance >= bytes) {
		copy_forward(target, source, bytes);
		return to;
	}
	while (distance && bytes) {
		size_t piece = bytes < distance ? bytes : distance;

		bytes -= piece;
		copy_forward(target + bytes, source + bytes, piece);
	}
	return to;
}

void *memset(void *to, int value, size_t bytes)
{
	void *target = to;

	__asm__ volatile("rep stosb" : "+D"(target), "+c"(bytes) : "a"(value) : "memory");
	return to;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
	const unsigned char *l = left, *r = right;

	for (size_t i = 0; i < bytes; i++)
		if (l[i] != r[i])
			return l[i] < r[i] ? -1 : 1;
	return 0;
}
