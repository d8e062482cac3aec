// SPDX-License-Identifier: BSD-2-Clause
// ACPI tables in the firmware's memory, for the files that read them.
#ifndef LIFEBOAT_LOADER_ACPI_TABLE_H
#define LIFEBOAT_LOADER_ACPI_TABLE_H

#include "loader/machine.h"

// What every table begins with.
struct __attribute__((packed)) lb_acpi_table {
	char signature[4];
	uint32_t bytes;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision, creator, creator_revision;
};

struct __attribute__((packed)) lb_acpi_address {
	uint8_t space, bits, offset, access;
	uint64_t address;
};
#define LB_ACPI_SPACE_MEMORY 0
#define LB_ACPI_SPACE_PORT 1

static inline const void *lb_acpi_at(uint64_t phys)
{
	return (const void *)(uintptr_t)phys;
}

// At least `least` bytes long, not absurdly long, the checksum right.
int lb_acpi_check(const struct lb_acpi_table *table, uint32_t least, struct lb_error *err);

// acpi_capture.c, for the built-in capture kernel. What is wrong costs it power-off, or disks
// behind an IOMMU that is on, never the arming.
void lb_acpi_power(const struct lb_acpi_table *fadt, struct lb_machine *machine);
void lb_acpi_iommus(const struct lb_acpi_table *dmar, struct lb_machine *machine);

#endif
