// SPDX-License-Identifier: BSD-2-Clause
// Chooses the pages for the code with which a CPU starts in real mode. Pure.
#ifndef LIFEBOAT_CRASH_PLATFORM_SMP_TRAMPOLINE_H
#define LIFEBOAT_CRASH_PLATFORM_SMP_TRAMPOLINE_H

#include "lifeboat/handoff.h"

// Returns two pages of RAM below 1 MiB for the trampoline; 0: there are none. They lie in a swapped range and
// below 0x9f000. They are not in the first 64 KiB, which firmware is known to write to.
uint64_t lb_smp_trampoline_pages(const struct lb_swap_range *ranges, uint32_t count);

#endif
