// SPDX-License-Identifier: BSD-2-Clause
// What the capture kernel's parts need of the machine: memory, time and device registers. The host tests have
// their own implementation (tests/unit/capture_platform.h).
#ifndef LIFEBOAT_CRASH_PLATFORM_PLATFORM_H
#define LIFEBOAT_CRASH_PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "lifeboat/range.h"

// heap.c. The only allocator. It hands out rising addresses and frees nothing.
void lb_heap_open(struct lb_range heap);
// Returns `bytes`, rounded up to pages: zeroed, page-aligned, contiguous. The pointer is also the physical
// address, for devices. NULL: the heap is full.
void *lb_heap_pages(uint64_t bytes);
uint64_t lb_heap_used(void);
uint64_t lb_heap_left(void);

// clock.c. Time by the TSC, whose rate the loader measured.
void lb_clock_open(uint64_t tsc_khz);
uint64_t lb_clock_ms(void); // since lb_clock_open()

struct lb_deadline {
	uint64_t tsc;
};
struct lb_deadline lb_deadline_in(uint64_t milliseconds);
bool lb_deadline_passed(struct lb_deadline deadline);
void lb_pause(void); // between two reads of a register

// Waits where there is no register to poll.
static inline void lb_wait_ms(uint64_t milliseconds)
{
	struct lb_deadline deadline = lb_deadline_in(milliseconds);

	while (!lb_deadline_passed(deadline))
		lb_pause();
}

// paging.c. Maps device registers uncached, at any alignment, for good. NULL: there is no memory for page
// tables, or `phys` is no address of this CPU.
volatile void *lb_device_map(uint64_t phys, uint64_t bytes);

// paging.c. Maps the page of old memory at physical address `phys` for helper `cpu` (0: the first CPU).
// `phys` is page-aligned RAM; for low memory it is the address of its backup. The pointer is valid until the
// next call for the same CPU.
const void *lb_old_page(uint32_t cpu, uint64_t phys);
// Copies the page that lb_old_page() returns to `to`. False: the page cannot be read, and the content of `to`
// is undefined.
bool lb_old_page_copy(uint32_t cpu, uint64_t phys, void *to);

// Forgets which memory the window of `cpu` shows. Called after a read of old memory was stopped in the
// middle.
void lb_old_page_forget(uint32_t cpu);

// console.c. Prints one line on the serial console, with "lifeboat-capture: " before it.
void lb_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
