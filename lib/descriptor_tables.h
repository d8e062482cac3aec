// SPDX-License-Identifier: BSD-2-Clause
// GDT, IDT and TSS of programs that run without an operating system: hook, purgatory, capture kernel.
// lifeboat/desc.h has their layout and the manual's sections.
#ifndef LIFEBOAT_LIB_DESCRIPTOR_TABLES_H
#define LIFEBOAT_LIB_DESCRIPTOR_TABLES_H

#include "lifeboat/desc.h"

// Fills `tables` for the address they have now. `stub(vector)` is the handler's
// entry; `ist_top[i]` the top of IST stack i + 1. `vectors` gates are made present.
void lb_descriptor_tables_build(struct lb_descriptor_tables *tables, const uint64_t ist_top[LB_IST_COUNT],
				uint64_t (*stub)(unsigned int vector), unsigned int vectors);

#endif
