// SPDX-License-Identifier: BSD-2-Clause
// Hands out crash memory, from its lower end upwards. Only the first CPU allocates. The others get what they
// need before they start.
#include "crash/platform/platform.h"
#include "lib/mem.h"

static struct lb_range heap; // whole pages
static uint64_t next;

void lb_heap_open(struct lb_range range)
{
	heap.start = lb_align_up(range.start, LB_PAGE);
	heap.end = lb_align_down(range.end, LB_PAGE);
	if (lb_range_empty(heap))
		heap.end = heap.start;
	next = heap.start;
}

void *lb_heap_pages(uint64_t bytes)
{
	void *pages = (void *)(uintptr_t)next;

	if (bytes > lb_heap_left())
		return NULL;
	bytes = lb_align_up(bytes, LB_PAGE); // the bytes that are left are whole pages, too
	next += bytes;
	return memset(pages, 0, bytes);
}

uint64_t lb_heap_used(void)
{
	return next - heap.start;
}

uint64_t lb_heap_left(void)
{
	return heap.end - next;
}
