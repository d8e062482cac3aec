// SPDX-License-Identifier: BSD-2-Clause
#include "loader/acpi.h"

#include "lib/mem.h"
#include "loader/acpi_table.h"
#include "loader/print.h"

#define MAX_TABLE_BYTES LB_MIB

struct __attribute__((packed)) rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t bytes;
	uint64_t xsdt;
};

struct __attribute__((packed)) madt {
	struct lb_acpi_table table;
	uint32_t lapic;
	uint32_t flags;
};

#define MADT_PCAT_COMPAT 1U
#define MADT_CPU_ENABLED 1U
#define MADT_CPU_USABLE 3U // enabled, or online capable

// Entries of the MADT that matter, each beginning with type and length.
struct __attribute__((packed)) madt_entry {
	uint8_t type, bytes;
	union {
		struct __attribute__((packed)) {
			uint8_t acpi_id, apic_id;
			uint32_t flags;
		} local_apic; // 0
		struct __attribute__((packed)) {
			uint8_t id, reserved;
			uint32_t address, gsi;
		} io_apic; // 1
		struct __attribute__((packed)) {
			uint16_t reserved;
			uint32_t x2apic_id, flags, acpi_id;
		} x2apic; // 9
	} u;
};

struct __attribute__((packed)) hpet {
	struct lb_acpi_table table;
	uint32_t block_id;
	struct lb_acpi_address base;
};

struct __attribute__((packed)) spcr {
	struct lb_acpi_table table;
	uint8_t interface_type, reserved[3];
	struct lb_acpi_address base;
};

struct __attribute__((packed)) mcfg {
	struct lb_acpi_table table;
	uint64_t reserved;
	struct __attribute__((packed)) mcfg_entry {
		uint64_t base;
		uint16_t segment;
		uint8_t bus_first, bus_last;
		uint32_t reserved;
	} entries[];
};

static bool sums_to_zero(const void *data, uint32_t bytes)
{
	const uint8_t *byte = data;
	uint8_t sum = 0;

	while (bytes--)
		sum = (uint8_t)(sum + *byte++);
	return sum == 0;
}

int lb_acpi_check(const struct lb_acpi_table *table, uint32_t least, struct lb_error *err)
{
	if (table->bytes < least || table->bytes > MAX_TABLE_BYTES)
		return lb_fail(err, "ACPI table %.4s: length is %u, at least %u wanted", table->signature,
			       table->bytes, least);
	if (!sums_to_zero(table, table->bytes))
		return lb_fail(err, "ACPI table %.4s: wrong checksum", table->signature);
	return 0;
}

// Those beyond the list are not started by the built-in capture kernel.
static void take_cpu(struct lb_machine *machine, uint32_t apic_id, uint32_t flags)
{
	if (flags & MADT_CPU_USABLE)
		machine->cpus++;
	if (flags & MADT_CPU_ENABLED && machine->apic_count < LB_MAX_CAPTURE_CPUS)
		machine->apic[machine->apic_count++] = apic_id;
}

static int read_madt_entry(const struct madt_entry *entry, struct lb_machine *machine, struct lb_error *err)
{
	switch (entry->type) {
	case 0:
		if (entry->bytes >= 8)
			take_cpu(machine, entry->u.local_apic.apic_id, entry->u.local_apic.flags);
		break;
	case 1:
		if (entry->bytes < 12)
			break;
		if (machine->ioapic_count == LB_MAX_IOAPICS)
			return lb_fail(err, "ACPI table APIC: more than %u IO-APICs", LB_MAX_IOAPICS);
		machine->ioapic[machine->ioapic_count++] = entry->u.io_apic.address;
		break;
	case 9:
		if (entry->bytes >= 16)
			take_cpu(machine, entry->u.x2apic.x2apic_id, entry->u.x2apic.flags);
		break;
	default:
		break;
	}
	return 0;
}

static int read_madt(const struct madt *madt, struct lb_machine *machine, struct lb_error *err)
{
	const uint8_t *entry = (const uint8_t *)(madt + 1), *end = (const uint8_t *)madt + madt->table.bytes;

	machine->has_8259 = madt->flags & MADT_PCAT_COMPAT;
	while (end - entry >= 2) {
		uint8_t bytes = entry[1];

		if (bytes < 2 || bytes > end - entry)
			return lb_fail(err, "ACPI table APIC: entry of type %u says it is %u bytes long",
				       entry[0], bytes);
		if (read_madt_entry((const struct madt_entry *)entry, machine, err) != 0)
			return -1;
		entry += bytes;
	}
	if (!machine->cpus)
		return lb_fail(err, "ACPI table APIC: it lists no usable CPU");
	return 0;
}

static void read_spcr(const struct spcr *spcr, struct lb_machine *machine)
{
	if (spcr->interface_type > 1 && spcr->interface_type != 0x12) // 8250 and its likes
		return;
	if (spcr->base.space == LB_ACPI_SPACE_PORT)
		machine->spcr.type = LB_CONSOLE_PORT;
	else if (spcr->base.space == LB_ACPI_SPACE_MEMORY && spcr->base.bits <= 8)
		machine->spcr.type = LB_CONSOLE_MMIO;
	else
		return;
	machine->spcr.address = spcr->base.address;
}

// What is wrong with it costs the quiet of PCI devices, not the dump.
static void read_mcfg(const struct mcfg *mcfg, struct lb_machine *machine)
{
	uint32_t count = (uint32_t)((mcfg->table.bytes - sizeof(*mcfg)) / sizeof(mcfg->entries[0]));

	for (uint32_t i = 0; i < count; i++) {
		const struct mcfg_entry *entry = &mcfg->entries[i];

		if (machine->ecam_count == LB_MAX_ECAM) {
			lb_print_warning("ACPI table MCFG: %u entries, only %u of them are used", count,
					 LB_MAX_ECAM);
			return;
		}
		if (!lb_aligned(entry->base, LB_MIB) || entry->bus_last < entry->bus_first) {
			lb_print_warning("ACPI table MCFG: entry %u: buses %u to %u at 0x%lx, wanted them in "
					 "order and their space aligned to 1 MiB; left out",
					 i, entry->bus_first, entry->bus_last, (unsigned long)entry->base);
			continue;
		}
		machine->ecam[machine->ecam_count++] = (struct lb_ecam){
			.phys = entry->base,
			.segment = entry->segment,
			.bus_first = entry->bus_first,
			.bus_last = entry->bus_last,
		};
	}
}

// What is wrong with it costs the placement's caution and hot-added memory, not the dump.
static void read_srat(const struct lb_acpi_table *table, struct lb_machine *machine)
{
	struct lb_error err;

	if (lb_acpi_check(table, sizeof(*table), &err) != 0 ||
	    lb_srat_read(table, table->bytes, &machine->srat, &err) != 0) {
		lb_print_warning("%s; it is not used", err.text);
		machine->srat.count = 0;
	}
}

static int read_table(const struct lb_acpi_table *table, struct lb_machine *machine, struct lb_error *err)
{
	if (memcmp(table->signature, "APIC", 4) == 0) {
		if (lb_acpi_check(table, sizeof(struct madt), err) != 0)
			return -1;
		return read_madt((const struct madt *)table, machine, err);
	}
	if (memcmp(table->signature, "HPET", 4) == 0) {
		if (lb_acpi_check(table, sizeof(struct hpet), err) != 0)
			return -1;
		if (((const struct hpet *)table)->base.space == LB_ACPI_SPACE_MEMORY)
			machine->hpet = ((const struct hpet *)table)->base.address;
	}
	if (memcmp(table->signature, "SPCR", 4) == 0) {
		if (lb_acpi_check(table, sizeof(struct spcr), err) != 0)
			return -1;
		read_spcr((const struct spcr *)table, machine);
	}
	if (memcmp(table->signature, "MCFG", 4) == 0) {
		if (lb_acpi_check(table, sizeof(struct mcfg), err) != 0)
			return -1;
		read_mcfg((const struct mcfg *)table, machine);
	}
	if (memcmp(table->signature, "SRAT", 4) == 0)
		read_srat(table, machine);
	if (memcmp(table->signature, "FACP", 4) == 0)
		lb_acpi_power(table, machine);
	if (memcmp(table->signature, "DMAR", 4) == 0)
		lb_acpi_iommus(table, machine);
	return 0;
}

// The root table: 8-byte entries in an XSDT, 4-byte ones in an RSDT.
static int read_root(uint64_t phys, uint32_t width, struct lb_machine *machine, struct lb_error *err)
{
	const struct lb_acpi_table *root = lb_acpi_at(phys);
	const uint8_t *entries = (const uint8_t *)(root + 1);

	if (lb_acpi_check(root, sizeof(*root), err) != 0)
		return -1;
	for (uint32_t i = 0; i < (root->bytes - sizeof(*root)) / width; i++) {
		uint64_t table = 0;

		memcpy(&table, entries + (size_t)i * width, width);
		if (table && read_table(lb_acpi_at(table), machine, err) != 0)
			return -1;
	}
	return 0;
}

int lb_acpi_read(uint64_t rsdp_phys, struct lb_machine *machine, struct lb_error *err)
{
	const struct rsdp *rsdp = lb_acpi_at(rsdp_phys);
	int status;

	if (memcmp(rsdp->signature, "RSD PTR ", 8) != 0 || !sums_to_zero(rsdp, 20))
		return lb_fail(err, "ACPI root pointer at 0x%lx: wrong signature or checksum", rsdp_phys);
	if (rsdp->revision >= 2 && rsdp->xsdt)
		status = read_root(rsdp->xsdt, 8, machine, err);
	else
		status = read_root(rsdp->rsdt, 4, machine, err);
	if (status != 0)
		return -1;
	if (!machine->cpus)
		return lb_fail(err, "ACPI: no APIC table (MADT): the interrupt controllers are unknown");
	return 0;
}
