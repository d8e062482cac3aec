// SPDX-License-Identifier: BSD-2-Clause
// Numbers out of memory at any alignment, little endian, each by one load. For what is read by the hundred million: a
// freestanding compiler makes a call of memcpy(), which there is a string instruction (lib/mem.c), of tens of cycles
// for 8 bytes. One load also means that a value does not change between two looks at it, whoever writes there.
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
