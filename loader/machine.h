// SPDX-License-Identifier: BSD-2-Clause
// The machine as arming sees it: CPU, ACPI tables, memory encryption.
#ifndef LIFEBOAT_LOADER_MACHINE_H
#define LIFEBOAT_LOADER_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/plan/srat.h"
#include "lib/format.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/handoff.h"

struct lb_machine {
	unsigned int phys_bits;
	bool gib_pages;
	bool la57; // the CPU has 5-level paging
	const char *encrypted; // not NULL: why arming is refused (SEV, TDX, SME)
	uint64_t rsdp;
	uint64_t hpet;
	uint32_t ioapic_count;
	uint32_t has_8259;
	uint64_t ioapic[LB_MAX_IOAPICS];
	uint32_t ecam_count;
	struct lb_ecam ecam[LB_MAX_ECAM]; // MCFG
	struct lb_srat srat;
	uint32_t cpus; // enabled or online-capable in the MADT
	struct lb_console spcr;
	// For the built-in capture kernel.
	uint32_t bsp_apic; // of the CPU that this program runs on
	uint32_t apic_count; // enabled in the MADT
	uint32_t apic[LB_MAX_CAPTURE_CPUS];
	uint32_t iommu_count;
	uint64_t iommu[LB_MAX_IOMMUS]; // DMAR
	uint16_t pm1a, pm1b; // PM1 control ports; 0: none, or power-off is not known
	uint8_t s5a, s5b;
};

// Fills everything; a field is 0 where the machine lacks the thing. Fails where arming must.
int lb_machine_read(struct lb_machine *machine, struct lb_error *err);

// Fills the CPU's part only: address width, 1 GiB leaves, 5 levels, encryption.
void lb_machine_read_cpu(struct lb_machine *machine);

#endif
