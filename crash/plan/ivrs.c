// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/ivrs.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

struct __attribute__((packed)) ivrs {
	struct lb_acpi_header header;
	uint32_t info;
	uint8_t reserved[8];
};
_Static_assert(sizeof(struct ivrs) == 48, "fixed by the specification");

// One unit has a block of each kind that its firmware knows of, for older and newer readers.
#define IVHD_10H 0x10
#define IVHD_11H 0x11
#define IVHD_40H 0x40

struct __attribute__((packed)) ivhd {
	uint8_t type, flags;
	uint16_t bytes, device, capability;
	uint64_t registers;
	uint16_t segment;
};
_Static_assert(sizeof(struct ivhd) == 18, "fixed by the specification; what follows is of no use here");

static bool is_unit(const struct lb_acpi_entry *entry)
{
	const uint8_t type = entry->data[0]; // the walk takes the flags for the type's upper byte

	return (type == IVHD_10H || type == IVHD_11H || type == IVHD_40H) &&
	       entry->bytes >= sizeof(struct ivhd);
}

static bool is_known(const struct lb_ivrs *ivrs, uint64_t registers)
{
	for (uint32_t i = 0; i < ivrs->count; i++) {
		if (ivrs->iommu[i].registers == registers)
			return true;
	}
	return false;
}

static int take_blocks(const struct lb_acpi_table *table, struct lb_ivrs *ivrs, struct lb_error *err)
{
	struct lb_acpi_walk walk = lb_acpi_walk(table, sizeof(struct ivrs), 2);
	struct lb_acpi_entry entry;
	struct ivhd unit;

	while (lb_acpi_more(&walk)) {
		if (lb_acpi_next(&walk, &entry, err) != 0)
			return -1;
		if (!is_unit(&entry))
			continue;
		memcpy(&unit, entry.data, sizeof(unit));
		if (is_known(ivrs, unit.registers))
			continue;
		if (!unit.registers || !lb_aligned(unit.registers, LB_PAGE))
			return lb_fail(err, "ACPI table IVRS: block %u has registers at 0x%lx, wanted a page",
				       entry.index, unit.registers);
		if (ivrs->count == LB_MAX_IOMMUS)
			return lb_fail(err, "ACPI table IVRS: block %u is one more IOMMU than %u",
				       entry.index, LB_MAX_IOMMUS);
		ivrs->iommu[ivrs->count++] = (struct lb_iommu){
			.registers = unit.registers, .kind = LB_IOMMU_AMD, .segment = unit.segment};
	}
	return 0;
}

int lb_ivrs_read(const void *table, uint64_t bytes, struct lb_ivrs *ret_ivrs, struct lb_error *ret_left_out,
		 struct lb_error *err)
{
	struct lb_error left_out = {.text = ""}, wrong;
	struct lb_acpi_table opened;
	struct lb_ivrs ivrs = {0};

	if (lb_acpi_open(table, bytes, "IVRS", sizeof(struct ivrs), &opened, err) != 0)
		return -1;
	if (take_blocks(&opened, &ivrs, &wrong) != 0)
		lb_fail(&left_out, "%s; it and what follows are not used", wrong.text);
	*ret_ivrs = ivrs;
	*ret_left_out = left_out;
	return 0;
}
