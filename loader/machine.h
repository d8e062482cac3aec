// SPDX-License-Identifier: BSD-2-Clause
// The machine as arming sees it: CPU, ACPI tables, memory encryption.
#ifndef LIFEBOAT_LOADER_MACHINE_H
#define LIFEBOAT_LOADER_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/plan/acpi_facts.h"
#include "lib/format.h"

struct lb_machine {
	unsigned int phys_bits;
	bool gib_pages;
	bool la57; // the CPU has 5-level paging
	const char *encrypted; // not NULL: why arming is refused (SEV, TDX, SME)
	bool secure_boot; // the firmware starts only what is signed
	bool snp_host; // the firmware has reserved the memory that a host of SEV-SNP guests needs
	uint64_t rsdp;
	uint32_t bsp_apic; // of the CPU that runs this program
	struct lb_acpi_facts acpi;
};

// Fills everything; a field is 0 where the machine lacks the thing. Fails where arming has to fail.
int lb_machine_read(struct lb_machine *machine, struct lb_error *err);

// Fills the CPU's part only: address width, 1 GiB leaves, 5 levels, encryption, SEV-SNP.
void lb_machine_read_cpu(struct lb_machine *machine);

#endif
