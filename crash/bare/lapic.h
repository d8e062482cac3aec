// SPDX-License-Identifier: BSD-2-Clause
// The local APIC's registers. The current mode has them in memory (xAPIC) or in MSRs (x2APIC).
// Source: Intel SDM 3A 11.4, 11.12.
#ifndef LIFEBOAT_CRASH_BARE_LAPIC_H
#define LIFEBOAT_CRASH_BARE_LAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/cpu.h"
#include "lifeboat/x86.h"

// The vector of the local APIC's spurious interrupts. No exception has this number.
#define LB_LAPIC_SPURIOUS_VECTOR 15

#define LB_LAPIC_EOI 0xb0 // register offsets
#define LB_LAPIC_LVT_TIMER 0x320
#define LB_LAPIC_TIMER_COUNT 0x380
#define LB_LAPIC_MASKED (1U << 16) // of an LVT register

struct lb_lapic {
	volatile uint32_t *mmio; // NULL: x2APIC, by MSR
};

// Returns false if the local APIC is off. *ret_phys is the address of its registers; 0: they are MSRs.
static inline bool lb_lapic_find(uint64_t *ret_phys)
{
	uint64_t base = cpu_rdmsr(X86_MSR_APIC_BASE);

	if (!(base & X86_APIC_BASE_ENABLE))
		return false;
	*ret_phys = base & X86_APIC_BASE_X2APIC ? 0 : base & X86_PTE_ADDR;
	return true;
}

static inline uint32_t lb_lapic_read(const struct lb_lapic *lapic, uint32_t reg)
{
	if (lapic->mmio)
		return lapic->mmio[reg / sizeof(uint32_t)];
	return (uint32_t)cpu_rdmsr(X86_MSR_X2APIC + reg / 16);
}

static inline void lb_lapic_write(const struct lb_lapic *lapic, uint32_t reg, uint32_t value)
{
	if (lapic->mmio)
		lapic->mmio[reg / sizeof(uint32_t)] = value;
	else
		cpu_wrmsr(X86_MSR_X2APIC + reg / 16, value);
}

#endif
