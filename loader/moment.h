// SPDX-License-Identifier: BSD-2-Clause
// Time as the firmware and the CPU have it, and what no other boot has.
#ifndef LIFEBOAT_LOADER_MOMENT_H
#define LIFEBOAT_LOADER_MOMENT_H

#include <stddef.h>
#include <stdint.h>

uint64_t lb_moment_tsc(void);
// The TSC's rate, measured against the firmware's delay; about 40 ms.
uint64_t lb_moment_tsc_khz(void);
// Seconds since 1970, UTC; 0: the firmware has no clock, or one that is wrong.
uint64_t lb_moment_time(void);
// 16 bytes that no other arming has: of the firmware's random number generator, else a
// digest of the time and of `salt`.
void lb_moment_unique(const void *salt, size_t bytes, uint8_t ret_id[16]);

#endif
