// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/smbios.h"

#include "lib/mem.h"

#define ENTRY3_BYTES 24U
#define ENTRY2_BYTES 31U // some firmware says 30
#define ENTRY_MAX 32U
#define HEADER 4U // of a structure: type, length, handle
#define TYPE_FIRMWARE 0
#define TYPE_END 127

static bool sums_to_zero(const uint8_t *entry, uint32_t bytes)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + entry[i]);
	return !sum;
}

bool lb_smbios_entry(const uint8_t *entry, struct lb_smbios_table *ret_table)
{
	uint32_t phys;
	uint16_t bytes;

	*ret_table = (struct lb_smbios_table){0, 0};
	if (memcmp(entry, "_SM3_", 5) == 0 && entry[6] >= ENTRY3_BYTES && entry[6] <= ENTRY_MAX &&
	    sums_to_zero(entry, entry[6])) {
		memcpy(&ret_table->bytes, entry + 12, sizeof(ret_table->bytes));
		memcpy(&ret_table->phys, entry + 16, sizeof(ret_table->phys));
	} else if (memcmp(entry, "_SM_", 4) == 0 && entry[5] >= ENTRY2_BYTES - 1 && entry[5] <= ENTRY_MAX &&
		   sums_to_zero(entry, entry[5])) {
		memcpy(&bytes, entry + 22, sizeof(bytes));
		memcpy(&phys, entry + 24, sizeof(phys));
		*ret_table = (struct lb_smbios_table){phys, bytes};
	}
	if (ret_table->bytes > LB_SMBIOS_TABLE_MAX)
		ret_table->bytes = LB_SMBIOS_TABLE_MAX;
	return ret_table->phys && ret_table->bytes;
}

// Bytes of the structure at `at`, its strings and the two NULs behind them included; 0: it is cut.
static uint32_t structure_bytes(const uint8_t *at, uint32_t left)
{
	if (left < HEADER || at[1] < HEADER)
		return 0;
	for (uint32_t end = at[1]; end + 1 < left; end++) {
		if (!at[end] && !at[end + 1])
			return end + 2;
	}
	return 0;
}

const uint8_t *lb_smbios_firmware(const uint8_t *table, uint32_t bytes, uint32_t *ret_bytes)
{
	uint32_t at = 0, length;

	while ((length = structure_bytes(table + at, bytes - at)) != 0 && table[at] != TYPE_END) {
		if (table[at] == TYPE_FIRMWARE) {
			*ret_bytes = length;
			return table + at;
		}
		at += length;
	}
	return NULL;
}
