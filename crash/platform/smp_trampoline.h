// SPDX-License-Identifier: BSD-2-Clause
// Where the code lies that a CPU starts in real mode with. Pure.
#ifndef LIFEBOAT_CRASH_PLATFORM_SMP_TRAMPOLINE_H
#define LIFEBOAT_CRASH_PLATFORM_SMP_TRAMPOLINE_H

#include "lifeboat/handoff.h"

// Two pages of RAM below 1 MiB for the trampoline: in a swapped range, not in the first
// 64 KiB, which firmware is known to write to, nor at or above 0x9f000. 0: none.
uint64_t lb_smp_trampoline_pages(const struct lb_swap_range *ranges, uint32_t count);

#endif
