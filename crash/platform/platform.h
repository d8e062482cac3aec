// SPDX-License-Identifier: BSD-2-Clause
// The machine, as the capture kernel's parts see it: they may ask for memory, time and
// device registers. The host tests bring their own (tests/unit/capture_platform.h).
#ifndef LIFEBOAT_CRASH_PLATFORM_PLATFORM_H
#define LIFEBOAT_CRASH_PLATFORM_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "lifeboat/range.h"

// heap.c. The one allocator, from the first instruction to the last: upwards, never freed.
void lb_heap_open(struct lb_range heap);
// `bytes`, rounded up to pages, zeroed, page-aligned, in one physical piece; the pointer is
// the physical address too (devices get it as it is). NULL when there is no more.
void *lb_heap_pages(uint64_t bytes);
uint64_t lb_heap_used(void);
uint64_t lb_heap_left(void);

// clock.c. Time of the TSC, whose rate the loader measured.
void lb_clock_open(uint64_t tsc_khz);
uint64_t lb_clock_ms(void); // since lb_clock_open()

struct lb_deadline {
	uint64_t tsc;
};
struct lb_deadline lb_deadline_in(uint64_t milliseconds);
bool lb_deadline_passed(struct lb_deadline deadline);
void lb_pause(void); // between two looks at a register

// Waits where there is nothing to look at, only time to let pass.
static inline void lb_wait_ms(uint64_t milliseconds)
{
	struct lb_deadline deadline = lb_deadline_in(milliseconds);

	while (!lb_deadline_passed(deadline))
		lb_pause();
}

// paging.c. Device registers, uncached; any alignment. The mapping stays. NULL when there is
// no memory for its tables, or `phys` is no address of this CPU.
volatile void *lb_device_map(uint64_t phys, uint64_t bytes);

// paging.c. The page of old memory at physical address `phys` (page-aligned, RAM; for low memory that
// is its backup), for helper `cpu` (0: the first). The pointer is good until the same
// CPU's next call.
const void *lb_old_page(uint32_t cpu, uint64_t phys);
// The same page, copied to `to`. False when it cannot be read: what is there is undefined then, and
// nothing else is lost.
bool lb_old_page_copy(uint32_t cpu, uint64_t phys, void *to);

// Forgets the window of `cpu`, whose look at old memory was broken off: nothing is known of what it shows.
void lb_old_page_forget(uint32_t cpu);

// console.c. One line on the serial console, "lifeboat-capture: " before it.
void lb_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
