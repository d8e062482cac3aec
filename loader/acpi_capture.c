// SPDX-License-Identifier: BSD-2-Clause
// What of ACPI only the built-in capture kernel needs: how to switch the machine off, and
// where the IOMMUs are.
#include "crash/plan/acpis5.h"
#include "lib/mem.h"
#include "loader/acpi_table.h"
#include "loader/print.h"

struct __attribute__((packed)) fadt {
	struct lb_acpi_table table;
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

#define FADT_BYTES_ACPI1 116 // up to and with its flags

struct __attribute__((packed)) dmar {
	struct lb_acpi_table table;
	uint8_t address_width, flags, reserved[10];
};

struct __attribute__((packed)) dmar_unit {
	uint16_t type, bytes;
	uint8_t flags, size;
	uint16_t segment;
	uint64_t registers;
};
#define DMAR_UNIT 0 // DRHD

// The 64-bit field where the table has it and it is used; a port has 16 bits.
static uint16_t control_port(const struct lb_acpi_address *wide, uint32_t narrow)
{
	if (wide && wide->address) {
		if (wide->space == LB_ACPI_SPACE_PORT && wide->address <= UINT16_MAX)
			return (uint16_t)wide->address;
		return 0; // in memory: reduced hardware, or nonsense
	}
	return narrow <= UINT16_MAX ? (uint16_t)narrow : 0;
}

void lb_acpi_power(const struct lb_acpi_table *table, struct lb_machine *machine)
{
	const struct fadt *fadt = (const struct fadt *)table;
	bool wide = table->bytes >= sizeof(*fadt);
	const struct lb_acpi_table *dsdt;
	struct lb_error err;
	uint16_t pm1a, pm1b;

	if (lb_acpi_check(table, FADT_BYTES_ACPI1, &err) != 0) {
		lb_print_warning("%s; the machine cannot be switched off after a dump", err.text);
		return;
	}
	pm1a = control_port(wide ? &fadt->x_pm1a_control : NULL, fadt->pm1a_control);
	pm1b = control_port(wide ? &fadt->x_pm1b_control : NULL, fadt->pm1b_control);
	dsdt = lb_acpi_at(wide && fadt->x_dsdt ? fadt->x_dsdt : fadt->dsdt);
	if (!pm1a || !dsdt || lb_acpi_check(dsdt, sizeof(*dsdt), &err) != 0)
		return; // as on reduced hardware, which has neither
	if (!lb_acpi_s5((const uint8_t *)(dsdt + 1), dsdt->bytes - sizeof(*dsdt), &machine->s5a,
			&machine->s5b))
		return;
	machine->pm1a = pm1a;
	machine->pm1b = pm1b;
}

void lb_acpi_iommus(const struct lb_acpi_table *table, struct lb_machine *machine)
{
	const uint8_t *entry = (const uint8_t *)table + sizeof(struct dmar), *end;
	struct dmar_unit unit;
	struct lb_error err;

	if (lb_acpi_check(table, sizeof(struct dmar), &err) != 0) {
		lb_print_warning("%s; it is not used", err.text);
		return;
	}
	end = (const uint8_t *)table + table->bytes;
	while (end - entry >= 4) {
		memcpy(&unit, entry, 4); // type and length
		if (unit.bytes < 4 || unit.bytes > end - entry) {
			lb_print_warning(
				"ACPI table DMAR: entry of type %u says it is %u bytes long; what follows "
				"is not used",
				unit.type, unit.bytes);
			return;
		}
		if (unit.type == DMAR_UNIT && unit.bytes >= sizeof(unit)) {
			memcpy(&unit, entry, sizeof(unit));
			if (machine->iommu_count == LB_MAX_IOMMUS) {
				lb_print_warning("ACPI table DMAR: more than %u IOMMUs; the rest is not used",
						 LB_MAX_IOMMUS);
				return;
			}
			machine->iommu[machine->iommu_count++] = unit.registers;
		}
		entry += unit.bytes;
	}
}
