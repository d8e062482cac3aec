// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/fadt.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

struct __attribute__((packed)) fadt {
	struct lb_acpi_header header;
	uint32_t facs, dsdt;
	uint8_t before_pm1[64 - 44];
	uint32_t pm1a_control, pm1b_control; // ports
	uint8_t before_x_dsdt[140 - 72];
	uint64_t x_dsdt;
	uint8_t before_x_pm1[172 - 148];
	struct lb_acpi_address x_pm1a_control, x_pm1b_control;
};
_Static_assert(offsetof(struct fadt, pm1a_control) == 64, "ACPI 6.5, table 5.9");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "ACPI 6.5, table 5.9");
_Static_assert(offsetof(struct fadt, x_pm1a_control) == 172, "ACPI 6.5, table 5.9");
_Static_assert(sizeof(struct fadt) == 196, "ACPI 6.5, table 5.9");

#define BYTES_ACPI1 116U // up to and with its flags

// A port has 16 bits. One in memory is reduced hardware's, or nonsense.
static uint16_t control_port(const struct lb_acpi_address *wide, uint32_t narrow)
{
	if (wide->address)
		return wide->space == LB_ACPI_PORT && wide->address <= UINT16_MAX ? (uint16_t)wide->address
										  : 0;
	return narrow <= UINT16_MAX ? (uint16_t)narrow : 0;
}

int lb_fadt_read(const void *table, uint64_t bytes, struct lb_fadt *ret_fadt, struct lb_error *err)
{
	struct lb_acpi_table opened;
	struct fadt fadt = {0};

	if (lb_acpi_open(table, bytes, "FACP", BYTES_ACPI1, &opened, err) != 0)
		return -1;
	// The 64-bit fields stay 0 in a table that does not have all of them.
	memcpy(&fadt, table, opened.bytes < sizeof(fadt) ? BYTES_ACPI1 : sizeof(fadt));
	*ret_fadt = (struct lb_fadt){
		.pm1a = control_port(&fadt.x_pm1a_control, fadt.pm1a_control),
		.pm1b = control_port(&fadt.x_pm1b_control, fadt.pm1b_control),
		.dsdt = fadt.x_dsdt ? fadt.x_dsdt : fadt.dsdt,
	};
	return 0;
}
