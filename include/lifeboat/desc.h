// SPDX-License-Identifier: BSD-2-Clause
// GDT, IDT and TSS for the hook and the purgatory, which run without an operating system. Source: Intel SDM
// 3A 3.4.5, 5.14.1, 7.7.
#ifndef LIFEBOAT_DESC_H
#define LIFEBOAT_DESC_H

#include <stdint.h>

#include "lifeboat/x86.h"

#define LB_GDT_CODE 0x00af9b000000ffffULL // 64-bit code, ring 0, accessed
#define LB_GDT_DATA 0x00cf93000000ffffULL // flat data, ring 0, accessed

struct __attribute__((packed)) lb_table_register { // LGDT, LIDT
	uint16_t limit;
	uint64_t base;
};

struct lb_gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

struct __attribute__((packed)) lb_tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t iomap;
};

// The IST stack that a vector uses; 0: the current one.
enum lb_ist { LB_IST_NMI = 1, LB_IST_DF = 2, LB_IST_MC = 3, LB_IST_FAULT = 4, LB_IST_COUNT = 4 };

#define LB_TRAP_STUB_BYTES 16 // from a vector's entry in crash/bare/traps.asm to the next

struct lb_descriptor_tables {
	uint64_t gdt[6]; // null, null, code 0x10, data 0x18, TSS 0x20 (two slots)
	struct lb_tss tss;
	struct lb_gate idt[X86_VECTORS];
	struct lb_table_register gdtr, idtr;
};

static inline enum lb_ist lb_ist_of(unsigned int vector)
{
	switch (vector) {
	case X86_VECTOR_NMI:
		return LB_IST_NMI;
	case X86_VECTOR_DF:
		return LB_IST_DF;
	case X86_VECTOR_MC:
		return LB_IST_MC;
	default:
		return LB_IST_FAULT;
	}
}

#endif
