// SPDX-License-Identifier: BSD-2-Clause
// Keys of encrypted dumps that an earlier boot left in memory, found by what they begin with.
#ifndef LIFEBOAT_CRASH_CRYPT_LEFT_KEYS_H
#define LIFEBOAT_CRASH_CRYPT_LEFT_KEYS_H

#include <stdint.h>

// Wipes each struct lb_crypt in the `bytes` at `memory` (both multiples of 8), and of one that reaches beyond them
// what is there. Returns how many.
uint32_t lb_left_keys_wipe(void *memory, uint64_t bytes);

#endif
