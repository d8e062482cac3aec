// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/mcfg.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

struct __attribute__((packed)) mcfg {
	struct lb_acpi_header header;
	uint64_t reserved;
};
_Static_assert(sizeof(struct mcfg) == 44, "fixed by the specification");

struct __attribute__((packed)) mcfg_entry {
	uint64_t base;
	uint16_t segment;
	uint8_t bus_first, bus_last;
	uint32_t reserved;
};
_Static_assert(sizeof(struct mcfg_entry) == 16, "fixed by the specification");

static bool is_possible(const struct mcfg_entry *entry)
{
	return lb_aligned(entry->base, LB_MIB) && entry->bus_first <= entry->bus_last;
}

// Takes an entry, or leaves it out. Only the first entry that is left out is told of.
static void take_entry(const struct mcfg_entry *entry, uint32_t index, struct lb_mcfg *mcfg,
		       struct lb_error *left_out)
{
	bool possible = is_possible(entry);

	if (possible && mcfg->count < LB_MAX_ECAM) {
		mcfg->ecam[mcfg->count++] = (struct lb_ecam){
			.phys = entry->base,
			.segment = entry->segment,
			.bus_first = entry->bus_first,
			.bus_last = entry->bus_last,
		};
		return;
	}
	if (left_out->text[0])
		return;
	if (possible)
		lb_fail(left_out, "ACPI table MCFG: entry %u is one more than %u; the rest is not used",
			index, LB_MAX_ECAM);
	else
		lb_fail(left_out,
			"ACPI table MCFG: entry %u has buses %u to %u at 0x%lx, wanted them in order and "
			"their space aligned to 1 MiB; such entries are left out",
			index, entry->bus_first, entry->bus_last, (unsigned long)entry->base);
}

int lb_mcfg_read(const void *table, uint64_t bytes, struct lb_mcfg *ret_mcfg, struct lb_error *ret_left_out,
		 struct lb_error *err)
{
	struct lb_error left_out = {.text = ""};
	struct lb_acpi_table opened;
	struct lb_mcfg mcfg = {0};
	struct mcfg_entry entry;
	uint32_t index = 0;

	if (lb_acpi_open(table, bytes, "MCFG", sizeof(struct mcfg), &opened, err) != 0)
		return -1;
	for (uint32_t at = sizeof(struct mcfg); opened.bytes - at >= sizeof(entry); at += sizeof(entry)) {
		memcpy(&entry, opened.data + at, sizeof(entry));
		take_entry(&entry, index++, &mcfg, &left_out);
	}
	*ret_mcfg = mcfg;
	*ret_left_out = left_out;
	return 0;
}
