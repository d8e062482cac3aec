// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/madt.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

struct __attribute__((packed)) madt {
	struct lb_acpi_header header;
	uint32_t lapic;
	uint32_t flags;
};
_Static_assert(sizeof(struct madt) == 44, "ACPI 6.5, table 5.19");

#define PCAT_COMPAT 1U

enum entry_type {
	LOCAL_APIC = 0,
	IO_APIC = 1,
	LOCAL_X2APIC = 9,
};

enum cpu_flags {
	CPU_ENABLED = 1 << 0,
	CPU_ONLINE_CAPABLE = 1 << 1,
};

struct __attribute__((packed)) local_apic {
	uint8_t type, bytes, acpi_id, apic_id;
	uint32_t flags;
};

struct __attribute__((packed)) io_apic {
	uint8_t type, bytes, id, reserved;
	uint32_t address, gsi;
};

struct __attribute__((packed)) local_x2apic {
	uint8_t type, bytes;
	uint16_t reserved;
	uint32_t x2apic_id, flags, acpi_id;
};

// The id of no CPU: an interrupt to this id goes to all CPUs.
#define NO_APIC 0xffU
#define NO_X2APIC UINT32_MAX

// CPUs that were taken, by id. Machines of many sockets leave gaps between theirs; of ids beyond, those
// that the list has are known.
#define SEEN_IDS 16384U
struct seen {
	uint64_t usable[SEEN_IDS / 64];
};

static bool is_listed(const struct lb_madt *madt, uint32_t apic_id)
{
	for (uint32_t i = 0; i < madt->apic_count; i++) {
		if (madt->apic[i] == apic_id)
			return true;
	}
	return false;
}

// Was it counted already? It is from now on.
static bool was_counted(struct seen *seen, const struct lb_madt *madt, uint32_t apic_id)
{
	const uint64_t bit = 1ULL << apic_id % 64;
	uint64_t *word;
	bool was;

	if (apic_id >= SEEN_IDS)
		return is_listed(madt, apic_id);
	word = &seen->usable[apic_id / 64];
	was = *word & bit;
	*word |= bit;
	return was;
}

static bool has_io_apic(const struct lb_madt *madt, uint64_t phys)
{
	for (uint32_t i = 0; i < madt->ioapic_count; i++) {
		if (madt->ioapic[i] == phys)
			return true;
	}
	return false;
}

// Takes a CPU. The built-in capture kernel does not start CPUs beyond the list. A CPU that is in the table
// twice may be enabled in one entry only.
static void take_cpu(struct lb_madt *madt, uint32_t apic_id, uint32_t flags, struct seen *seen)
{
	if (!(flags & (CPU_ENABLED | CPU_ONLINE_CAPABLE)))
		return;
	if (!was_counted(seen, madt, apic_id))
		madt->cpus++;
	if (flags & CPU_ENABLED && madt->apic_count < LB_MAX_CAPTURE_CPUS && !is_listed(madt, apic_id))
		madt->apic[madt->apic_count++] = apic_id;
}

// Takes an IO-APIC. `beyond` counts the IO-APICs that the list has no place for. An address of 0 is no
// IO-APIC: Linux passes over it, too (bad_ioapic()).
static void take_io_apic(struct lb_madt *madt, uint64_t phys, uint32_t *beyond)
{
	if (!phys || has_io_apic(madt, phys))
		return;
	if (madt->ioapic_count < LB_MAX_IOAPICS)
		madt->ioapic[madt->ioapic_count++] = phys;
	else
		++*beyond;
}

static void take_entry(const struct lb_acpi_entry *entry, struct lb_madt *madt, struct seen *seen,
		       uint32_t *beyond)
{
	struct local_apic local;
	struct local_x2apic x2;
	struct io_apic io;

	if (entry->type == LOCAL_APIC && entry->bytes >= sizeof(local)) {
		memcpy(&local, entry->data, sizeof(local));
		if (local.apic_id != NO_APIC)
			take_cpu(madt, local.apic_id, local.flags, seen);
	} else if (entry->type == LOCAL_X2APIC && entry->bytes >= sizeof(x2)) {
		memcpy(&x2, entry->data, sizeof(x2));
		if (x2.x2apic_id != NO_X2APIC)
			take_cpu(madt, x2.x2apic_id, x2.flags, seen);
	} else if (entry->type == IO_APIC && entry->bytes >= sizeof(io)) {
		memcpy(&io, entry->data, sizeof(io));
		take_io_apic(madt, io.address, beyond);
	}
}

int lb_madt_read(const void *table, uint64_t bytes, struct lb_madt *ret_madt, struct lb_error *ret_left_out,
		 struct lb_error *err)
{
	struct lb_acpi_table opened;
	struct lb_acpi_entry entry;
	struct lb_acpi_walk walk;
	struct lb_madt madt = {0};
	struct seen seen = {0};
	struct madt fixed;
	uint32_t beyond = 0;

	if (lb_acpi_open(table, bytes, "APIC", sizeof(fixed), &opened, err) != 0)
		return -1;
	memcpy(&fixed, table, sizeof(fixed));
	madt.has_8259 = fixed.flags & PCAT_COMPAT;
	for (walk = lb_acpi_walk(&opened, sizeof(fixed), 1); lb_acpi_more(&walk);) {
		if (lb_acpi_next(&walk, &entry, err) != 0)
			return -1;
		take_entry(&entry, &madt, &seen, &beyond);
	}
	if (!madt.cpus)
		return lb_fail(err, "ACPI table APIC: it lists no usable CPU, wanted one at least");
	ret_left_out->text[0] = '\0';
	if (beyond)
		lb_fail(ret_left_out,
			"ACPI table APIC: has %u IO-APICs, wanted %u at most; %u of them are not masked "
			"after "
			"a panic",
			LB_MAX_IOAPICS + beyond, LB_MAX_IOAPICS, beyond);
	*ret_madt = madt;
	return 0;
}
