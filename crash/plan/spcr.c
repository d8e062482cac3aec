// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/spcr.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

// The base, interrupt and line settings are read; the rest is left as the firmware has it.
struct __attribute__((packed)) spcr {
	struct lb_acpi_header header;
	uint8_t interface, reserved[3];
	struct lb_acpi_address base;
};
_Static_assert(sizeof(struct spcr) == 52, "fixed by the specification");

enum interface { // Microsoft's DBG2, table 3
	FULL_16550 = 0x00,
	SUBSET_16550 = 0x01, // of the DBGP table
	GENERIC_16550 = 0x12, // by its generic address
};

static uint32_t console_type(const struct spcr *spcr)
{
	if (spcr->interface != FULL_16550 && spcr->interface != SUBSET_16550 &&
	    spcr->interface != GENERIC_16550)
		return LB_CONSOLE_NONE;
	if (!spcr->base.address)
		return LB_CONSOLE_NONE;
	if (spcr->base.space == LB_ACPI_PORT)
		return LB_CONSOLE_PORT;
	if (spcr->base.space != LB_ACPI_MEMORY)
		return LB_CONSOLE_NONE;
	if (spcr->base.bits == 32 || spcr->base.access == LB_ACPI_ACCESS_32)
		return LB_CONSOLE_MMIO32;
	return spcr->base.bits <= 8 && spcr->base.access <= LB_ACPI_ACCESS_8 ? LB_CONSOLE_MMIO
									     : LB_CONSOLE_NONE;
}

int lb_spcr_read(const void *table, uint64_t bytes, struct lb_console *ret_console, struct lb_error *err)
{
	struct lb_console console = {.type = LB_CONSOLE_NONE};
	struct lb_acpi_table opened;
	struct spcr spcr;

	if (lb_acpi_open(table, bytes, "SPCR", sizeof(spcr), &opened, err) != 0)
		return -1;
	memcpy(&spcr, table, sizeof(spcr));
	console.type = console_type(&spcr);
	if (console.type != LB_CONSOLE_NONE)
		console.address = spcr.base.address;
	*ret_console = console;
	return 0;
}
