// SPDX-License-Identifier: BSD-2-Clause
// Instructions that C cannot express, and CPUID questions of more than one program. Privileged instructions
// fault outside level 0. Source: Intel SDM 2 (CPUID), SDM 3A 2.8.
#ifndef LIFEBOAT_LIB_CPU_H
#define LIFEBOAT_LIB_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "lifeboat/ports.h"

static inline uint64_t cpu_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline uint64_t cpu_rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void cpu_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t cpu_cr0(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr0, %0" : "=r"(value));
	return value;
}

static inline uint64_t cpu_cr3(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr3, %0" : "=r"(value));
	return value;
}

static inline uint64_t cpu_cr4(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static inline uint64_t cpu_cr2(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}

static inline void cpu_invlpg(uint64_t virt)
{
	__asm__ volatile("invlpg (%0)" ::"r"(virt) : "memory");
}

static inline void cpu_lfence(void)
{
	__asm__ volatile("lfence" ::: "memory");
}

static inline uint16_t cpu_cs(void)
{
	uint16_t value;

	__asm__ volatile("mov %%cs, %0" : "=r"(value));
	return value;
}

struct cpu_cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpu_cpuid cpu_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpu_cpuid words;

	__asm__ volatile("cpuid"
			 : "=a"(words.eax), "=b"(words.ebx), "=c"(words.ecx), "=d"(words.edx)
			 : "a"(leaf), "c"(subleaf));
	return words;
}

// An extended leaf, 80000001h and up; zeroes where the CPU has none.
static inline struct cpu_cpuid cpu_cpuid_extended(uint32_t leaf)
{
	return cpu_cpuid(0x80000000, 0).eax >= leaf ? cpu_cpuid(leaf, 0) : (struct cpu_cpuid){0};
}

// Physical address bits, CPUID 80000008h EAX[7:0]; 36 where the leaf is missing.
static inline unsigned int cpu_phys_bits(void)
{
	unsigned int bits = cpu_cpuid_extended(0x80000008).eax & 0xff;

	return bits ? bits : 36;
}

// Leaves of 1 GiB, CPUID 80000001h EDX[26].
static inline bool cpu_gib_pages(void)
{
	return cpu_cpuid_extended(0x80000001).edx & 1U << 26;
}

#endif
