// SPDX-License-Identifier: BSD-2-Clause
// GDT, IDT and TSS for the hook and the purgatory: both live without an operating
// system and need the same three tables. Source: Intel SDM 3A 3.4.5, 5.14.1, 7.7.
#ifndef LIFEBOAT_DESC_H
#define LIFEBOAT_DESC_H

#include <stdint.h>

#include "lib/mem.h"
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

// Which IST stack a vector uses; 0: the current one.
enum lb_ist { LB_IST_NMI = 1, LB_IST_DF = 2, LB_IST_MC = 3, LB_IST_FAULT = 4, LB_IST_COUNT = 4 };

struct lb_descriptor_tables {
	uint64_t gdt[6]; // null, null, code 0x10, data 0x18, TSS 0x20 (two slots)
	struct lb_tss tss;
	struct lb_gate idt[256];
	struct lb_table_register gdtr, idtr;
};

static inline enum lb_ist lb_ist_of(unsigned int vector)
{
	switch (vector) {
	case 2:
		return LB_IST_NMI;
	case 8:
		return LB_IST_DF;
	case 18:
		return LB_IST_MC;
	default:
		return LB_IST_FAULT;
	}
}

// Fills `tables` for the address they have now. `stub(vector)` is the handler's
// entry; `ist_top[i]` the top of IST stack i + 1. `vectors` gates are made present.
static inline void lb_descriptor_tables_build(struct lb_descriptor_tables *tables,
					      const uint64_t ist_top[LB_IST_COUNT],
					      uint64_t (*stub)(unsigned int vector), unsigned int vectors)
{
	uint64_t tss = (uint64_t)(uintptr_t)&tables->tss;
	uint64_t limit = sizeof(tables->tss) - 1;

	memset(tables, 0, sizeof(*tables));
	for (unsigned int i = 0; i < LB_IST_COUNT; i++)
		tables->tss.ist[i] = ist_top[i];
	tables->tss.iomap = sizeof(tables->tss); // no I/O bitmap

	tables->gdt[X86_SEL_CODE / 8] = LB_GDT_CODE;
	tables->gdt[X86_SEL_DATA / 8] = LB_GDT_DATA;
	tables->gdt[X86_SEL_TSS / 8] =
		limit | (tss & 0xffffff) << 16 | 0x89ULL << 40 | (tss >> 24 & 0xff) << 56;
	tables->gdt[X86_SEL_TSS / 8 + 1] = tss >> 32;

	for (unsigned int vector = 0; vector < vectors; vector++) {
		uint64_t entry = stub(vector);

		tables->idt[vector] = (struct lb_gate){
			.offset_low = (uint16_t)entry,
			.selector = X86_SEL_CODE,
			.ist = (uint8_t)lb_ist_of(vector),
			.type = 0x8e, // present, ring 0, interrupt gate
			.offset_middle = (uint16_t)(entry >> 16),
			.offset_high = (uint32_t)(entry >> 32),
		};
	}
	tables->gdtr.limit = sizeof(tables->gdt) - 1;
	tables->gdtr.base = (uint64_t)(uintptr_t)tables->gdt;
	tables->idtr.limit = sizeof(tables->idt) - 1;
	tables->idtr.base = (uint64_t)(uintptr_t)tables->idt;
}

#endif
