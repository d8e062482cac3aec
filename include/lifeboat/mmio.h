// SPDX-License-Identifier: BSD-2-Clause
// Registers in memory that need one certain instruction. On AMD's CPUs since family 10h an access to PCI
// configuration space in memory must be a MOV from or to EAX or AL. Source: AMD BKDG for family 10h,
// 2.11.1, and those of later families.
#ifndef LIFEBOAT_MMIO_H
#define LIFEBOAT_MMIO_H

#include <stdint.h>

static inline uint32_t cpu_mmio_read32(const volatile uint32_t *at)
{
	uint32_t value;

	__asm__ volatile("movl %1, %0" : "=a"(value) : "m"(*at) : "memory");
	return value;
}

static inline void cpu_mmio_write32(volatile uint32_t *at, uint32_t value)
{
	__asm__ volatile("movl %1, %0" : "=m"(*at) : "a"(value) : "memory");
}

static inline void cpu_mmio_write8(volatile uint8_t *at, uint8_t value)
{
	__asm__ volatile("movb %1, %0" : "=m"(*at) : "a"(value) : "memory");
}

#endif
