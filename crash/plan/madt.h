// SPDX-License-Identifier: BSD-2-Clause
// The machine's interrupt controllers: CPUs by their local APICs, IO-APICs, and whether
// there are 8259 PICs. Source: ACPI 6.5, 5.2.12 (MADT; its signature is APIC).
#ifndef LIFEBOAT_CRASH_PLAN_MADT_H
#define LIFEBOAT_CRASH_PLAN_MADT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/handoff.h"

struct lb_madt {
	bool has_8259;
	uint32_t cpus; // enabled or online-capable
	uint32_t apic_count;
	uint32_t apic[LB_MAX_CAPTURE_CPUS]; // ids of the first enabled CPUs
	uint32_t ioapic_count;
	uint64_t ioapic[LB_MAX_IOAPICS]; // physical
};

// `table` has `bytes`. A wrong checksum, an entry that lies about its length, and a table
// without a usable CPU are errors. An entry is passed over when it is shorter than its type
// has it, or names what was taken already: a CPU may be there as local APIC and as x2APIC. The ids 255 of the
// one and 2^32-1 of the other are no CPU's. IO-APICs beyond LB_MAX_IOAPICS are
// left out: `ret_left_out` says in one sentence how many, and is empty when all are taken.
int lb_madt_read(const void *table, uint64_t bytes, struct lb_madt *ret_madt, struct lb_error *ret_left_out,
		 struct lb_error *err);

#endif
