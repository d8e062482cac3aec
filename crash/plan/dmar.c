// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/dmar.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

struct __attribute__((packed)) dmar {
	struct lb_acpi_header header;
	uint8_t address_width, flags, reserved[10];
};
_Static_assert(sizeof(struct dmar) == 48, "fixed by the specification");

#define HARDWARE_UNIT 0 // DRHD

struct __attribute__((packed)) hardware_unit {
	uint16_t type, bytes;
	uint8_t flags, size;
	uint16_t segment;
	uint64_t registers;
};
_Static_assert(sizeof(struct hardware_unit) == 16, "fixed by the specification");

static int take_entries(const struct lb_acpi_table *table, struct lb_dmar *dmar, struct lb_error *err)
{
	struct lb_acpi_walk walk = lb_acpi_walk(table, sizeof(struct dmar), 2);
	struct lb_acpi_entry entry;
	struct hardware_unit unit;

	while (lb_acpi_more(&walk)) {
		if (lb_acpi_next(&walk, &entry, err) != 0)
			return -1;
		if (entry.type != HARDWARE_UNIT || entry.bytes < sizeof(unit))
			continue;
		if (dmar->count == LB_MAX_IOMMUS)
			return lb_fail(err, "ACPI table DMAR: entry %u is one more IOMMU than %u",
				       entry.index, LB_MAX_IOMMUS);
		memcpy(&unit, entry.data, sizeof(unit));
		dmar->iommu[dmar->count++] = unit.registers;
	}
	return 0;
}

int lb_dmar_read(const void *table, uint64_t bytes, struct lb_dmar *ret_dmar, struct lb_error *ret_left_out,
		 struct lb_error *err)
{
	struct lb_error left_out = {.text = ""}, wrong;
	struct lb_acpi_table opened;
	struct lb_dmar dmar = {0};

	if (lb_acpi_open(table, bytes, "DMAR", sizeof(struct dmar), &opened, err) != 0)
		return -1;
	if (take_entries(&opened, &dmar, &wrong) != 0)
		lb_fail(&left_out, "%s; it and what follows are not used", wrong.text);
	*ret_dmar = dmar;
	*ret_left_out = left_out;
	return 0;
}
