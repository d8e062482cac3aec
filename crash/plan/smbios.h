// SPDX-License-Identifier: BSD-2-Clause
// Reads from SMBIOS which firmware this is. Pure. Source: DMTF DSP0134 3.7, 5.2 (entry points), 6.1
// (structures), 7.1 (BIOS information).
#ifndef LIFEBOAT_CRASH_PLAN_SMBIOS_H
#define LIFEBOAT_CRASH_PLAN_SMBIOS_H

#include <stdbool.h>
#include <stdint.h>

#define LB_SMBIOS_TABLE_MAX (64U << 10) // the most bytes of a table that are read

struct lb_smbios_table {
	uint64_t phys;
	uint32_t bytes;
};

// Reads an entry point of either kind, "_SM3_" or "_SM_", of which 32 bytes can be read. False: it is no
// entry point, or its checksum is wrong.
bool lb_smbios_entry(const uint8_t *entry, struct lb_smbios_table *ret_table);

// Finds the structure of type 0 with its strings: vendor, version, release date. The result lies in `table`.
// NULL: the table has no such structure, or is cut inside it.
const uint8_t *lb_smbios_firmware(const uint8_t *table, uint32_t bytes, uint32_t *ret_bytes);

#endif
