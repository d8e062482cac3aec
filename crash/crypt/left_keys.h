// SPDX-License-Identifier: BSD-2-Clause
// Keys of encrypted dumps that an earlier boot left in memory, found by what they begin with.
#ifndef LIFEBOAT_CRASH_CRYPT_LEFT_KEYS_H
#define LIFEBOAT_CRASH_CRYPT_LEFT_KEYS_H

#include <stdint.h>

// Where the first struct lb_crypt at `from` or behind begins, in the `bytes` at `memory`; `bytes` where there is none.
// All three are multiples of 8.
uint64_t lb_left_keys_find(const void *memory, uint64_t bytes, uint64_t from);

#endif
