// SPDX-License-Identifier: BSD-2-Clause
#include "lib/descriptor_tables.h"

#include "lib/mem.h"

void lb_descriptor_tables_build(struct lb_descriptor_tables *tables, const uint64_t ist_top[LB_IST_COUNT],
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
