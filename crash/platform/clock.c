// SPDX-License-Identifier: BSD-2-Clause
#include "crash/platform/platform.h"
#include "lib/cpu.h"

// The rate that is used where the loader could not measure it. It is faster than any CPU's, so that a wait is
// too long rather than too short.
#define FASTEST_KHZ 6000000

static uint64_t khz = FASTEST_KHZ;
static uint64_t opened;

void lb_clock_open(uint64_t tsc_khz)
{
	khz = tsc_khz ? tsc_khz : FASTEST_KHZ;
	opened = cpu_tsc();
}

uint64_t lb_clock_ms(void)
{
	return (cpu_tsc() - opened) / khz;
}

struct lb_deadline lb_deadline_in(uint64_t milliseconds)
{
	return (struct lb_deadline){cpu_tsc() + milliseconds * khz};
}

bool lb_deadline_passed(struct lb_deadline deadline)
{
	return cpu_tsc() >= deadline.tsc;
}

void lb_pause(void)
{
	__asm__ volatile("pause" ::: "memory");
}
