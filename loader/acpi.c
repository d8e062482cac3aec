// SPDX-License-Identifier: BSD-2-Clause
#include "loader/acpi.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"
#include "loader/print.h"

struct __attribute__((packed)) rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t bytes;
	uint64_t xsdt;
};

#define RSDP_BYTES_ACPI1 20 // up to and with `rsdt`: its checksum covers these

static const void *at(uint64_t phys)
{
	return (const void *)(uintptr_t)phys;
}

static int take(uint64_t phys, struct lb_acpi_facts *facts, struct lb_error *err)
{
	struct lb_error warning;

	if (lb_acpi_take(at(phys), lb_acpi_bytes(at(phys)), facts, &warning, err) != 0)
		return -1;
	if (warning.text[0])
		lb_print_warning("%s", warning.text);
	return 0;
}

// The root table has 8-byte entries in an XSDT and 4-byte entries in an RSDT.
static int take_all(uint64_t phys, uint32_t width, struct lb_acpi_facts *facts, struct lb_error *err)
{
	struct lb_acpi_table root;

	if (lb_acpi_open(at(phys), lb_acpi_bytes(at(phys)), width == 8 ? "XSDT" : "RSDT",
			 sizeof(struct lb_acpi_header), &root, err) != 0)
		return -1;
	for (uint32_t next = sizeof(struct lb_acpi_header); root.bytes - next >= width; next += width) {
		uint64_t table = 0;

		memcpy(&table, root.data + next, width);
		if (table && take(table, facts, err) != 0)
			return -1;
	}
	return 0;
}

static int find_root(uint64_t phys, uint64_t *ret_root, uint32_t *ret_width, struct lb_error *err)
{
	const struct rsdp *rsdp = at(phys);

	if (memcmp(rsdp->signature, "RSD PTR ", 8) != 0 || !lb_acpi_sums_to_zero(rsdp, RSDP_BYTES_ACPI1))
		return lb_fail(err, "ACPI root pointer at 0x%lx: wrong signature or checksum", phys);
	*ret_width = rsdp->revision >= 2 && rsdp->xsdt ? 8 : 4;
	*ret_root = *ret_width == 8 ? rsdp->xsdt : rsdp->rsdt;
	return 0;
}

int lb_acpi_read(uint64_t rsdp, struct lb_acpi_facts *ret_facts, struct lb_error *err)
{
	uint64_t root = 0, dsdt;
	uint32_t width = 0;

	memset(ret_facts, 0, sizeof(*ret_facts));
	if (find_root(rsdp, &root, &width, err) != 0 || take_all(root, width, ret_facts, err) != 0)
		return -1;
	dsdt = lb_acpi_dsdt(ret_facts);
	if (dsdt)
		lb_acpi_take_dsdt(at(dsdt), lb_acpi_bytes(at(dsdt)), ret_facts);
	return lb_acpi_complete(ret_facts, err);
}
