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

// One device in a unit's scope; behind it (bytes - 6) / 2 pairs of device and function.
struct __attribute__((packed)) scope {
	uint8_t type, bytes, reserved[2], id, bus, device, function;
};
_Static_assert(sizeof(struct scope) == 8,
	       "fixed by the specification, with the one pair of a device on `bus`");

#define UNIT_HAS_THE_REST (1U << 0) // INCLUDE_PCI_ALL
#define SCOPE_ENDPOINT 1

// The processor's graphics is 00:02.0 on every machine. Such a unit may never be done with switching
// translation off (Linux: quirk_igfx_skip_te_disable()), and no disk is behind it.
static bool is_graphics(const struct lb_acpi_entry *entry, const struct hardware_unit *unit)
{
	struct scope scope;

	if ((unit->flags & UNIT_HAS_THE_REST) || unit->segment ||
	    entry->bytes != sizeof(*unit) + sizeof(scope))
		return false;
	memcpy(&scope, entry->data + sizeof(*unit), sizeof(scope));
	return scope.type == SCOPE_ENDPOINT && scope.bytes == sizeof(scope) && scope.bus == 0 &&
	       scope.device == 2 && scope.function == 0;
}

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
		if (!unit.registers) // as Linux does, which then has none
			return lb_fail(err, "ACPI table DMAR: entry %u is an IOMMU with its registers at 0",
				       entry.index);
		dmar->iommu[dmar->count++] = (struct lb_iommu){
			.registers = unit.registers,
			.kind = LB_IOMMU_VTD,
			.segment = unit.segment,
			.flags = is_graphics(&entry, &unit) ? LB_IOMMU_GRAPHICS : 0,
		};
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
