// SPDX-License-Identifier: BSD-2-Clause
// Time as the firmware and the CPU have it.
#ifndef LIFEBOAT_LOADER_CLOCK_H
#define LIFEBOAT_LOADER_CLOCK_H

#include <stdint.h>

uint64_t lb_clock_tsc(void);
// The TSC's rate, measured against the firmware's delay; about 40 ms, the first time.
uint64_t lb_clock_tsc_khz(void);
// Seconds since 1970, UTC; 0: the firmware has no clock, or one that is wrong.
uint64_t lb_clock_time(void);

#endif
