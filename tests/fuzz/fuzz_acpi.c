// SPDX-License-Identifier: BSD-2-Clause
// Property: for any bytes, the reader of the table with their signature either reports what is wrong and
// writes nothing, or returns what another walk over the same bytes finds. The bytes are read as they are, and
// once more with length and checksum made right.
#include "crash/plan/acpi_facts.h"
#include "crash/plan/hpet.h"
#include "crash/plan/spcr.h"
#include "fuzz.h"

static uint64_t number(const uint8_t *at, unsigned int bytes)
{
	struct fuzz_input input = {at, bytes};

	return fuzz_take(&input, bytes);
}

// Returns the size of the table, if its header is right.
static uint64_t judged_bytes(const uint8_t *table, uint64_t bytes)
{
	uint64_t length = number(table + 4, 4);
	uint8_t sum = 0;

	fuzz_check(bytes >= 36 && length >= 36 && length <= bytes);
	for (uint64_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + table[i]);
	fuzz_check(sum == 0);
	return length;
}

// Judges message and output of a failure; returns true if there was none.
static bool is_read(int status, const struct lb_error *err, const void *output, size_t bytes)
{
	if (status == 0)
		return true;
	fuzz_check(status == -1);
	fuzz_check_error(err, "ACPI table ");
	fuzz_check_untouched(output, bytes);
	return false;
}

static bool is_in(const uint32_t *ids, uint32_t count, uint32_t id)
{
	for (uint32_t i = 0; i < count; i++) {
		if (ids[i] == id)
			return true;
	}
	return false;
}

// CPUs with ids below this are counted once each, however often they are listed.
#define COUNTED_IDS 16384

static void check_madt(const uint8_t *table, uint64_t bytes, const struct lb_madt *madt,
		       const struct lb_error *left_out)
{
	static bool counted[COUNTED_IDS];
	bool beyond = false;
	uint32_t cpus = 0, enabled = 0, ioapics = 0, ids[LB_MAX_CAPTURE_CPUS], io[LB_MAX_IOAPICS], id;

	memset(counted, 0, sizeof(counted));
	fuzz_check(madt->has_8259 == (table[40] & 1));
	for (uint64_t at = 44; bytes - at >= 2; at += table[at + 1]) {
		const uint8_t *entry = table + at;
		bool x2 = entry[0] == 9 && entry[1] >= 16;

		fuzz_check(entry[1] >= 2 && entry[1] <= bytes - at);
		if (entry[0] == 1 && entry[1] >= 12 && number(entry + 4, 4) &&
		    !is_in(io, ioapics, (uint32_t)number(entry + 4, 4))) {
			beyond |= ioapics == LB_MAX_IOAPICS;
			if (ioapics == LB_MAX_IOAPICS)
				continue;
			fuzz_check(ioapics < madt->ioapic_count);
			io[ioapics] = (uint32_t)number(entry + 4, 4);
			fuzz_check(madt->ioapic[ioapics] == io[ioapics]);
			ioapics++;
		}
		if (!x2 && (entry[0] != 0 || entry[1] < 8))
			continue;
		id = x2 ? (uint32_t)number(entry + 4, 4) : entry[3];
		if (id == (x2 ? UINT32_MAX : 0xff) || !(entry[x2 ? 8 : 4] & 3))
			continue;
		cpus += id < COUNTED_IDS ? !counted[id] : !is_in(ids, enabled, id);
		if (id < COUNTED_IDS)
			counted[id] = true;
		if (!(entry[x2 ? 8 : 4] & 1) || enabled == LB_MAX_CAPTURE_CPUS || is_in(ids, enabled, id))
			continue;
		fuzz_check(enabled < madt->apic_count && madt->apic[enabled] == id);
		ids[enabled++] = id;
	}
	fuzz_check(cpus && madt->cpus == cpus && madt->apic_count == enabled);
	fuzz_check(madt->ioapic_count == ioapics && beyond == !!left_out->text[0]);
}

static void read_madt(const uint8_t *table, uint64_t bytes)
{
	struct lb_error err, left_out;
	struct lb_madt madt;

	fuzz_poison_error(&err);
	fuzz_poison_error(&left_out);
	fuzz_poison(&madt, sizeof(madt));
	if (is_read(lb_madt_read(table, bytes, &madt, &left_out, &err), &err, &madt, sizeof(madt)))
		check_madt(table, judged_bytes(table, bytes), &madt, &left_out);
	else
		fuzz_check_untouched(&left_out, sizeof(left_out));
}

static void read_hpet(const uint8_t *table, uint64_t bytes)
{
	struct lb_error err;
	uint64_t phys;

	fuzz_poison_error(&err);
	fuzz_poison(&phys, sizeof(phys));
	if (is_read(lb_hpet_read(table, bytes, &phys, &err), &err, &phys, sizeof(phys)))
		fuzz_check(judged_bytes(table, bytes) >= 52 &&
			   phys == (table[40] == 0 ? number(table + 44, 8) : 0));
}

static void read_spcr(const uint8_t *table, uint64_t bytes)
{
	struct lb_console console;
	struct lb_error err;

	fuzz_poison_error(&err);
	fuzz_poison(&console, sizeof(console));
	if (!is_read(lb_spcr_read(table, bytes, &console, &err), &err, &console, sizeof(console)))
		return;
	fuzz_check(judged_bytes(table, bytes) >= 52 && console.reserved == 0);
	if (console.type == LB_CONSOLE_NONE)
		fuzz_check(console.address == 0);
	else
		fuzz_check(console.address && (table[36] <= 1 || table[36] == 0x12) &&
			   console.address == number(table + 44, 8) &&
			   table[40] == (console.type == LB_CONSOLE_PORT));
}

static void check_mcfg(const uint8_t *table, uint64_t bytes, const struct lb_mcfg *mcfg,
		       const struct lb_error *left_out)
{
	uint32_t taken = 0, others = 0;

	for (uint64_t at = 44; bytes - at >= 16; at += 16) {
		const uint8_t *entry = table + at;
		const struct lb_ecam *ecam = &mcfg->ecam[taken];

		if (taken == LB_MAX_ECAM || number(entry, 8) % LB_MIB || entry[10] > entry[11]) {
			others++;
			continue;
		}
		fuzz_check(taken < mcfg->count && ecam->phys == number(entry, 8));
		fuzz_check(ecam->segment == number(entry + 8, 2) && ecam->bus_first == entry[10] &&
			   ecam->bus_last == entry[11]);
		taken++;
	}
	fuzz_check(taken == mcfg->count && !others == !left_out->text[0]);
}

static void read_mcfg(const uint8_t *table, uint64_t bytes)
{
	struct lb_error err, left_out;
	struct lb_mcfg mcfg;

	fuzz_poison_error(&err);
	fuzz_poison_error(&left_out);
	fuzz_poison(&mcfg, sizeof(mcfg));
	if (is_read(lb_mcfg_read(table, bytes, &mcfg, &left_out, &err), &err, &mcfg, sizeof(mcfg)))
		check_mcfg(table, judged_bytes(table, bytes), &mcfg, &left_out);
	else
		fuzz_check_untouched(&left_out, sizeof(left_out));
}

static void read_fadt(const uint8_t *table, uint64_t bytes)
{
	struct lb_error err;
	struct lb_fadt fadt;
	uint64_t length;

	fuzz_poison_error(&err);
	fuzz_poison(&fadt, sizeof(fadt));
	if (!is_read(lb_fadt_read(table, bytes, &fadt, &err), &err, &fadt, sizeof(fadt)))
		return;
	length = judged_bytes(table, bytes);
	fuzz_check(length >= 116);
	if (length >= 196 && number(table + 176, 8))
		fuzz_check(!fadt.pm1a || (table[172] == 1 && fadt.pm1a == number(table + 176, 8)));
	else
		fuzz_check(!fadt.pm1a || fadt.pm1a == number(table + 64, 4));
	fuzz_check(fadt.dsdt == (length >= 196 && number(table + 140, 8) ? number(table + 140, 8)
									 : number(table + 40, 4)));
}

static void check_dmar(const uint8_t *table, uint64_t bytes, const struct lb_dmar *dmar,
		       const struct lb_error *left_out)
{
	uint32_t units = 0;
	uint64_t at = 48;

	while (bytes - at >= 4 && number(table + at + 2, 2) >= 4 && number(table + at + 2, 2) <= bytes - at) {
		uint64_t length = number(table + at + 2, 2);

		if (number(table + at, 2) == 0 && length >= 16) {
			if (units == LB_MAX_IOMMUS || !number(table + at + 8, 8))
				break;
			fuzz_check(units < dmar->count &&
				   dmar->iommu[units].registers == number(table + at + 8, 8));
			units++;
		}
		at += length;
	}
	fuzz_check(dmar->count == units && (bytes - at >= 4) == !!left_out->text[0]);
}

static void read_dmar(const uint8_t *table, uint64_t bytes)
{
	struct lb_error err, left_out;
	struct lb_dmar dmar;

	fuzz_poison_error(&err);
	fuzz_poison_error(&left_out);
	fuzz_poison(&dmar, sizeof(dmar));
	if (is_read(lb_dmar_read(table, bytes, &dmar, &left_out, &err), &err, &dmar, sizeof(dmar)))
		check_dmar(table, judged_bytes(table, bytes), &dmar, &left_out);
	else
		fuzz_check_untouched(&left_out, sizeof(left_out));
}

static bool is_listed(const struct lb_ivrs *ivrs, uint32_t count, uint64_t registers)
{
	for (uint32_t i = 0; i < count; i++) {
		if (ivrs->iommu[i].registers == registers)
			return true;
	}
	return false;
}

static void check_ivrs(const uint8_t *table, uint64_t bytes, const struct lb_ivrs *ivrs,
		       const struct lb_error *left_out)
{
	uint32_t units = 0;
	uint64_t at = 48, length;

	for (; bytes - at >= 4 && (length = number(table + at + 2, 2)) >= 4 && length <= bytes - at;
	     at += length) {
		const bool unit = table[at] == 0x10 || table[at] == 0x11 || table[at] == 0x40;
		uint64_t registers;

		if (!unit || length < 18)
			continue;
		registers = number(table + at + 8, 8);
		if (is_listed(ivrs, units, registers))
			continue;
		if (!registers || registers % LB_PAGE || units == LB_MAX_IOMMUS)
			break;
		fuzz_check(units < ivrs->count && ivrs->iommu[units].registers == registers &&
			   ivrs->iommu[units].segment == number(table + at + 16, 2));
		units++;
	}
	fuzz_check(ivrs->count == units && (bytes - at >= 4) == !!left_out->text[0]);
}

static void read_ivrs(const uint8_t *table, uint64_t bytes)
{
	struct lb_error err, left_out;
	struct lb_ivrs ivrs;

	fuzz_poison_error(&err);
	fuzz_poison_error(&left_out);
	fuzz_poison(&ivrs, sizeof(ivrs));
	if (is_read(lb_ivrs_read(table, bytes, &ivrs, &left_out, &err), &err, &ivrs, sizeof(ivrs)))
		check_ivrs(table, judged_bytes(table, bytes), &ivrs, &left_out);
	else
		fuzz_check_untouched(&left_out, sizeof(left_out));
}

static void check_viot(const uint8_t *table, uint64_t bytes, const struct lb_viot *viot,
		       const struct lb_error *left_out)
{
	const uint64_t nodes = number(table + 36, 2), first = number(table + 38, 2);
	uint64_t at = first, length, seen = 0;
	uint32_t units = 0;

	if (first < 48 || first > bytes) {
		fuzz_check(!viot->count && left_out->text[0]);
		return;
	}
	for (; seen < nodes && bytes - at >= 4; at += length, seen++) {
		const uint64_t type = number(table + at, 1);

		length = number(table + at + 2, 2);
		if (length < 4 || length > bytes - at || (length >= 8 && type == 4) ||
		    (length >= 8 && type == 3 && units == LB_MAX_IOMMUS))
			break;
		if (length < 8 || type != 3)
			continue;
		fuzz_check(units < viot->count && viot->iommu[units].segment == number(table + at + 4, 2) &&
			   viot->iommu[units].registers == number(table + at + 6, 2));
		units++;
	}
	fuzz_check(viot->count == units);
	fuzz_check((seen < nodes && bytes - at >= 4) == !!left_out->text[0]);
}

static void read_viot(const uint8_t *table, uint64_t bytes)
{
	struct lb_error err, left_out;
	struct lb_viot viot;

	fuzz_poison_error(&err);
	fuzz_poison_error(&left_out);
	fuzz_poison(&viot, sizeof(viot));
	if (is_read(lb_viot_read(table, bytes, &viot, &left_out, &err), &err, &viot, sizeof(viot)))
		check_viot(table, judged_bytes(table, bytes), &viot, &left_out);
	else
		fuzz_check_untouched(&left_out, sizeof(left_out));
}

static void read_dsdt(const uint8_t *table, uint64_t bytes)
{
	struct lb_error err;
	struct lb_dsdt dsdt;
	uint64_t length;
	bool named = false;

	fuzz_poison_error(&err);
	fuzz_poison(&dsdt, sizeof(dsdt));
	if (!is_read(lb_dsdt_read(table, bytes, &dsdt, &err), &err, &dsdt, sizeof(dsdt)))
		return;
	length = judged_bytes(table, bytes);
	for (uint64_t at = 37; at + 4 <= length; at++)
		named |= memcmp(table + at, "_S5_", 4) == 0;
	fuzz_check(named && dsdt.s5a <= 7 && dsdt.s5b <= 7);
}

static void check_ranges(const uint8_t *table, uint64_t bytes, const struct lb_srat *srat)
{
	uint32_t found = 0;

	fuzz_check(bytes >= 48 && srat->count <= LB_SRAT_MAX_RANGES);
	for (uint64_t at = 48; bytes - at >= 2; at += table[at + 1]) {
		const uint8_t *entry = table + at;
		uint64_t base, length;
		uint32_t flags;

		fuzz_check(entry[1] >= 2 && entry[1] <= bytes - at);
		if (entry[0] != 1)
			continue;
		fuzz_check(entry[1] >= 40);
		base = number(entry + 8, 8);
		length = number(entry + 16, 8);
		flags = (uint32_t)number(entry + 28, 4);
		if (!(flags & 1) || length == 0)
			continue;
		fuzz_check(base + length > base);
		if (!(flags & 6))
			continue;
		fuzz_check(found < srat->count);
		fuzz_check(srat->ranges[found].range.start == base &&
			   srat->ranges[found].range.end == base + length);
		fuzz_check(srat->ranges[found].hotplug == !!(flags & 2) &&
			   srat->ranges[found].nonvolatile == !!(flags & 4));
		found++;
	}
	fuzz_check(found == srat->count);
}

// The same range may be listed with different marks. The marks decide, in their order.
static void check_avoid(const struct lb_srat *srat)
{
	struct lb_range avoid[LB_SRAT_MAX_RANGES];
	uint32_t count = lb_srat_avoid(srat, avoid), next = 0;
	bool boot_memory_too = false;

	for (uint32_t i = 0; i < srat->count; i++)
		boot_memory_too |= srat->ranges[i].hotplug && srat->ranges[i].range.start <= LB_LOW_END &&
				   LB_LOW_END < srat->ranges[i].range.end;
	for (uint32_t i = 0; i < srat->count; i++) {
		const struct lb_srat_range *one = &srat->ranges[i];

		if (!one->nonvolatile && boot_memory_too)
			continue;
		fuzz_check(next < count && memcmp(&avoid[next], &one->range, sizeof(*avoid)) == 0);
		next++;
	}
	fuzz_check(next == count);
}

static void read_srat(const uint8_t *table, uint64_t bytes)
{
	struct lb_error err;
	struct lb_srat srat;

	fuzz_poison_error(&err);
	fuzz_poison(&srat, sizeof(srat));
	if (!is_read(lb_srat_read(table, bytes, &srat, &err), &err, &srat, sizeof(srat)))
		return;
	check_ranges(table, judged_bytes(table, bytes), &srat);
	check_avoid(&srat);
}

// Every step is an access of a width that its register allows. The watchdog can be stopped, or there is a
// reason.
static void read_wdat(const uint8_t *table, uint64_t bytes)
{
	struct lb_error err;
	struct lb_wdat wdat;

	fuzz_poison_error(&err);
	fuzz_poison(&wdat, sizeof(wdat));
	if (!is_read(lb_wdat_read(table, bytes, &wdat, &err), &err, &wdat, sizeof(wdat)))
		return;
	fuzz_check(wdat.count <= LB_MAX_WDAT_STEPS && (!wdat.count || wdat.step[0].write));
	fuzz_check(!wdat.count || !wdat.unstoppable.text[0]);
	for (uint32_t i = 0; i < wdat.count; i++) {
		const struct lb_wdat_step *step = &wdat.step[i];

		fuzz_check(step->bytes == 1 || step->bytes == 2 || step->bytes == 4);
		fuzz_check(step->shift < 8 * step->bytes && step->address &&
			   step->address % step->bytes == 0);
		fuzz_check(!step->port || step->address <= 0x10000U - step->bytes);
	}
}

// Takes all tables together. A message begins with the table's name.
static void take(const uint8_t *table, uint64_t bytes)
{
	struct lb_acpi_facts facts = {0};
	struct lb_error err, warning;

	fuzz_poison_error(&err);
	if (lb_acpi_take(table, bytes, &facts, &warning, &err) != 0) {
		fuzz_check_error(&err, "ACPI table APIC: ");
		fuzz_check(!facts.taken);
	} else if (warning.text[0]) {
		fuzz_check_error(&warning, "ACPI table ");
	}
}

static void read_table(const uint8_t *table, uint64_t bytes)
{
	static const struct {
		char signature[5];
		void (*read)(const uint8_t *table, uint64_t bytes);
	} readers[] = {{"APIC", read_madt}, {"HPET", read_hpet}, {"SPCR", read_spcr}, {"MCFG", read_mcfg},
		       {"FACP", read_fadt}, {"DMAR", read_dmar}, {"IVRS", read_ivrs}, {"VIOT", read_viot},
		       {"DSDT", read_dsdt}, {"SRAT", read_srat}, {"WDAT", read_wdat}};

	for (size_t i = 0; bytes >= 4 && i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (memcmp(table, readers[i].signature, 4) == 0)
			readers[i].read(table, bytes);
	}
	take(table, bytes);
}

static void put_header_right(uint8_t *table, uint32_t bytes)
{
	memcpy(table + 4, &bytes, 4);
	for (uint32_t i = 0; i < bytes; i++)
		table[9] = (uint8_t)(table[9] - (i == 9 ? 0 : table[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	uint8_t *table = fuzz_alloc(bytes);

	if (bytes)
		memcpy(table, data, bytes);
	read_table(table, bytes);
	if (bytes >= 36) {
		table[9] = 0;
		put_header_right(table, (uint32_t)bytes);
		read_table(table, bytes);
	}
	free(table);
	return 0;
}
