// SPDX-License-Identifier: BSD-2-Clause
// The few ACPI tables the purgatory's work is planned from. Source: ACPI 6.5,
// 5.2.5 (RSDP), 5.2.9 (FADT), 5.2.12 (MADT), 5.2.16 (SRAT); Intel VT-d 4.1, 8 (DMAR); PCI Firmware 3.3, 4.1.2 (MCFG); IA-PC HPET
// 1.0a; Microsoft's SPCR revision 2.
#ifndef LIFEBOAT_LOADER_ACPI_H
#define LIFEBOAT_LOADER_ACPI_H

#include "loader/machine.h"

// Reads MADT, HPET, SPCR, MCFG, SRAT, FADT and DMAR through the root pointer at physical `rsdp` into
// `machine`. A MADT is required; a bad checksum or length is an error naming the table.
int lb_acpi_read(uint64_t rsdp, struct lb_machine *machine, struct lb_error *err);

#endif
