// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/hpet.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

// Number and page protection, which follow the base, are not asked for.
struct __attribute__((packed)) hpet {
	struct lb_acpi_header header;
	uint32_t block_id;
	struct lb_acpi_address base;
};
_Static_assert(sizeof(struct hpet) == 52, "fixed by the specification");

int lb_hpet_read(const void *table, uint64_t bytes, uint64_t *ret_phys, struct lb_error *err)
{
	struct lb_acpi_table opened;
	struct hpet hpet;

	if (lb_acpi_open(table, bytes, "HPET", sizeof(hpet), &opened, err) != 0)
		return -1;
	memcpy(&hpet, table, sizeof(hpet));
	*ret_phys = hpet.base.space == LB_ACPI_MEMORY ? hpet.base.address : 0;
	return 0;
}
