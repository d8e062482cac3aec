// SPDX-License-Identifier: BSD-2-Clause
// A number that no other boot has.
#ifndef LIFEBOAT_LOADER_RANDOM_H
#define LIFEBOAT_LOADER_RANDOM_H

#include <stddef.h>
#include <stdint.h>

// 16 bytes that no other arming has: of the firmware's random number generator, else a
// digest of the time and of `salt`.
void lb_random_id(const void *salt, size_t bytes, uint8_t ret_id[16]);

#endif
