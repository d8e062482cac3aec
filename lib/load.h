// SPDX-License-Identifier: BSD-2-Clause
// Reads little-endian numbers at any alignment by one load each. It is meant for numbers read by the
// hundred million: a freestanding compiler makes a call of memcpy(), a string instruction (lib/mem.c) that
// takes tens of cycles for 8 bytes. One load also means that a value cannot change between two looks at it,
// whoever writes there.
#ifndef LIFEBOAT_LIB_LOAD_H
#define LIFEBOAT_LIB_LOAD_H

#include <stdint.h>

static inline uint64_t lb_load64(const void *from)
{
	struct number {
		uint64_t value;
	} __attribute__((packed, may_alias));

	return ((const volatile struct number *)from)->value;
}

static inline uint32_t lb_load32(const void *from)
{
	struct number {
		uint32_t value;
	} __attribute__((packed, may_alias));

	return ((const volatile struct number *)from)->value;
}

#endif
