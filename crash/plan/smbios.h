// SPDX-License-Identifier: BSD-2-Clause
// SMBIOS, as far as it says which firmware this is: DMTF DSP0134 3.7, 5.2 (entry points), 6.1 (structures), 7.1
// (BIOS information). Pure.
#ifndef LIFEBOAT_CRASH_PLAN_SMBIOS_H
#define LIFEBOAT_CRASH_PLAN_SMBIOS_H

#include <stdbool.h>
#include <stdint.h>

#define LB_SMBIOS_TABLE_MAX (64U << 10) // of a table that is read; longer ones are read so far

struct lb_smbios_table {
	uint64_t phys;
	uint32_t bytes;
};

// An entry point of either kind, "_SM3_" or "_SM_"; 32 bytes can be read. False: it is none, or its checksum is wrong.
bool lb_smbios_entry(const uint8_t *entry, struct lb_smbios_table *ret_table);

// The structure of type 0 with its strings: vendor, version, release date. Its bytes, which are in `table`; NULL: the
// table has none, or is cut in it.
const uint8_t *lb_smbios_firmware(const uint8_t *table, uint32_t bytes, uint32_t *ret_bytes);

#endif
