// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/acpi_facts.h"

#include "crash/plan/acpi_table.h"
#include "crash/plan/hpet.h"
#include "crash/plan/spcr.h"
#include "lib/mem.h"

// Writes into `facts` what its table says. `left_out` is empty; what is written there has
// been left out of a table that is otherwise good.
typedef int read_fn(const void *table, uint64_t bytes, struct lb_acpi_facts *facts, struct lb_error *left_out,
		    struct lb_error *err);

static int read_madt(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	return lb_madt_read(table, bytes, &facts->madt, left_out, err);
}

static int read_hpet(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	(void)left_out;
	return lb_hpet_read(table, bytes, &facts->hpet, err);
}

static int read_spcr(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	(void)left_out;
	return lb_spcr_read(table, bytes, &facts->spcr, err);
}

static int read_mcfg(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	return lb_mcfg_read(table, bytes, &facts->mcfg, left_out, err);
}

static int read_srat(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	(void)left_out;
	return lb_srat_read(table, bytes, &facts->srat, err);
}

static int read_fadt(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	(void)left_out;
	return lb_fadt_read(table, bytes, &facts->fadt, err);
}

static int read_dmar(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	return lb_dmar_read(table, bytes, &facts->dmar, left_out, err);
}

static int read_ivrs(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	return lb_ivrs_read(table, bytes, &facts->ivrs, left_out, err);
}

static int read_viot(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	return lb_viot_read(table, bytes, &facts->viot, left_out, err);
}

static int read_wdat(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	(void)left_out;
	return lb_wdat_read(table, bytes, &facts->wdat, err);
}

// The table's presence is all that is asked.
static int read_spmi(const void *table, uint64_t bytes, struct lb_acpi_facts *facts,
		     struct lb_error *left_out, struct lb_error *err)
{
	(void)table, (void)bytes, (void)left_out, (void)err;
	facts->bmc = true;
	return 0;
}

static const struct {
	char signature[5];
	read_fn *read;
	const char *cost; // of a table that is wrong; NULL: arming fails
} tables[] = {
	{.signature = "APIC", .read = read_madt},
	{.signature = "HPET", .read = read_hpet, .cost = "the HPET is not stopped after a panic"},
	{.signature = "SPCR", .read = read_spcr, .cost = "its console is not used"},
	{.signature = "MCFG",
	 .read = read_mcfg,
	 .cost = "PCI configuration goes by ports, in segment 0 only"},
	{.signature = "SRAT", .read = read_srat, .cost = "it is not used"},
	{.signature = "FACP", .read = read_fadt, .cost = "the machine cannot be switched off after a dump"},
	{.signature = "DMAR", .read = read_dmar, .cost = "an IOMMU that is on may cost the dump"},
	{.signature = "IVRS", .read = read_ivrs, .cost = "an IOMMU that is on may cost the dump"},
	{.signature = "VIOT", .read = read_viot, .cost = "an IOMMU that is on may cost the dump"},
	{.signature = "WDAT", .read = read_wdat, .cost = "a watchdog that the OS runs may cut a dump"},
	{.signature = "SPMI", .read = read_spmi, .cost = "it is not used"},
};

int lb_acpi_take(const void *table, uint64_t bytes, struct lb_acpi_facts *facts, struct lb_error *ret_warning,
		 struct lb_error *err)
{
	struct lb_error left_out = {.text = ""}, wrong;

	ret_warning->text[0] = '\0';
	if (bytes < sizeof(((struct lb_acpi_header *)NULL)->signature))
		return 0;
	for (uint32_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (memcmp(table, tables[i].signature, 4) != 0 || facts->taken & 1U << i)
			continue;
		if (tables[i].read(table, bytes, facts, &left_out, &wrong) == 0) {
			facts->taken |= 1U << i;
			*ret_warning = left_out;
		} else if (tables[i].cost) {
			lb_fail(ret_warning, "%s; %s", wrong.text, tables[i].cost);
		} else {
			return lb_fail(err, "%s", wrong.text);
		}
	}
	return 0;
}

uint64_t lb_acpi_dsdt(const struct lb_acpi_facts *facts)
{
	return facts->fadt.pm1a ? facts->fadt.dsdt : 0;
}

void lb_acpi_take_dsdt(const void *table, uint64_t bytes, struct lb_acpi_facts *facts)
{
	struct lb_error err;

	facts->power_off = lb_dsdt_read(table, bytes, &facts->dsdt, &err) == 0;
}

const char *lb_acpi_unstoppable(const struct lb_acpi_facts *facts, uint32_t index)
{
	const char *found[2];
	uint32_t count = 0;

	if (facts->wdat.unstoppable.text[0])
		found[count++] = facts->wdat.unstoppable.text;
	if (facts->bmc)
		found[count++] = "the management controller's (table SPMI), where the OS runs it";
	return index < count ? found[index] : NULL;
}

int lb_acpi_complete(const struct lb_acpi_facts *facts, struct lb_error *err)
{
	if (!facts->madt.cpus)
		return lb_fail(err, "ACPI: no APIC table (MADT): the interrupt controllers are unknown");
	return 0;
}
