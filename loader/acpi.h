// SPDX-License-Identifier: BSD-2-Clause
// Finds the ACPI tables in the firmware's memory and hands them over to
// crash/plan/acpi_facts.h. Source: ACPI 6.5, 5.2.5 (RSDP), 5.2.7 (RSDT), 5.2.8 (XSDT).
#ifndef LIFEBOAT_LOADER_ACPI_H
#define LIFEBOAT_LOADER_ACPI_H

#include "crash/plan/acpi_facts.h"

// Reads the tables behind the root pointer at physical `rsdp`. Prints a warning for each table that is left
// out or corrected. Fails on a wrong root, on a wrong table that arming needs, and without an MADT;
// `ret_facts` is then incomplete.
int lb_acpi_read(uint64_t rsdp, struct lb_acpi_facts *ret_facts, struct lb_error *err);

#endif
