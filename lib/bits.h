// SPDX-License-Identifier: BSD-2-Clause
// Bitmaps as dump files have them: bit 0 of byte 0 is the first.
#ifndef LIFEBOAT_LIB_BITS_H
#define LIFEBOAT_LIB_BITS_H

#include <stdint.h>

#include "lib/mem.h"

#define LB_BYTE_BITS 8ULL

static inline void lb_bits_set_one(uint8_t *bits, uint64_t at)
{
	bits[at / LB_BYTE_BITS] |= (uint8_t)(1U << at % LB_BYTE_BITS);
}

// Bits [from, to).
static inline void lb_bits_set(uint8_t *bits, uint64_t from, uint64_t to)
{
	for (; from < to && from % LB_BYTE_BITS; from++)
		lb_bits_set_one(bits, from);
	if (from < to) {
		memset(bits + from / LB_BYTE_BITS, 0xff, (to - from) / LB_BYTE_BITS);
		from = to - to % LB_BYTE_BITS;
	}
	for (; from < to; from++)
		lb_bits_set_one(bits, from);
}

#endif
