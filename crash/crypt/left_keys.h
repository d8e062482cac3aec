// SPDX-License-Identifier: BSD-2-Clause
// Finds keys of encrypted dumps that an earlier boot left in memory, by the number that they begin with.
#ifndef LIFEBOAT_CRASH_CRYPT_LEFT_KEYS_H
#define LIFEBOAT_CRASH_CRYPT_LEFT_KEYS_H

#include <stdint.h>

// Returns the offset of the first struct lb_crypt in the `bytes` bytes at `memory`, from offset `from` on;
// `bytes` if there is none. `memory`, `bytes` and `from` are multiples of 8.
uint64_t lb_left_keys_find(const void *memory, uint64_t bytes, uint64_t from);

#endif
