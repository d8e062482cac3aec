// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/srat.h"

#include "crash/plan/acpi_table.h"
#include "lib/mem.h"

#define HEADER_BYTES 48U // the common header, 36, and 12 reserved bytes
#define MEMORY_AFFINITY 1

enum memory_flags {
	MEMORY_ENABLED = 1 << 0,
	MEMORY_HOT_PLUGGABLE = 1 << 1,
	MEMORY_NON_VOLATILE = 1 << 2,
};

struct __attribute__((packed)) memory_affinity {
	uint8_t type, bytes;
	uint32_t domain;
	uint16_t reserved;
	uint64_t base;
	uint64_t length;
	uint32_t reserved2;
	uint32_t flags;
	uint64_t reserved3;
};
_Static_assert(sizeof(struct memory_affinity) == 40, "fixed by the specification");

static int take_memory(const struct memory_affinity *memory, uint32_t index, struct lb_srat *srat,
		       struct lb_error *err)
{
	struct lb_srat_range taken = {
		.range.start = memory->base,
		.hotplug = memory->flags & MEMORY_HOT_PLUGGABLE,
		.nonvolatile = memory->flags & MEMORY_NON_VOLATILE,
	};

	if (!(memory->flags & MEMORY_ENABLED) || memory->length == 0)
		return 0;
	if (__builtin_add_overflow(memory->base, memory->length, &taken.range.end))
		return lb_fail(err,
			       "ACPI table SRAT: entry %u has 0x%lx bytes at 0x%lx, more than 64 bits can "
			       "address",
			       index, (unsigned long)memory->length, (unsigned long)memory->base);
	if (!taken.hotplug && !taken.nonvolatile)
		return 0;
	if (srat->count == LB_SRAT_MAX_RANGES)
		return lb_fail(err,
			       "ACPI table SRAT: entry %u is one more hot-pluggable or non-volatile range "
			       "than %u",
			       index, LB_SRAT_MAX_RANGES);
	srat->ranges[srat->count++] = taken;
	return 0;
}

static int take_entry(const struct lb_acpi_entry *entry, struct lb_srat *srat, struct lb_error *err)
{
	struct memory_affinity memory;

	if (entry->type != MEMORY_AFFINITY)
		return 0;
	if (entry->bytes < sizeof(memory))
		return lb_fail(err, "ACPI table SRAT: entry %u, of memory, has %u bytes, wanted %zu",
			       entry->index, entry->bytes, sizeof(memory));
	memcpy(&memory, entry->data, sizeof(memory));
	return take_memory(&memory, entry->index, srat, err);
}

int lb_srat_read(const void *table, uint64_t bytes, struct lb_srat *ret_srat, struct lb_error *err)
{
	struct lb_srat srat = {0};
	struct lb_acpi_table opened;
	struct lb_acpi_entry entry;
	struct lb_acpi_walk walk;

	if (lb_acpi_open(table, bytes, "SRAT", HEADER_BYTES, &opened, err) != 0)
		return -1;
	for (walk = lb_acpi_walk(&opened, HEADER_BYTES, 1); lb_acpi_more(&walk);) {
		if (lb_acpi_next(&walk, &entry, err) != 0 || take_entry(&entry, &srat, err) != 0)
			return -1;
	}
	*ret_srat = srat;
	return 0;
}

static bool marks_boot_memory(const struct lb_srat *srat)
{
	for (uint32_t i = 0; i < srat->count; i++) {
		const struct lb_srat_range *marked = &srat->ranges[i];

		if (marked->hotplug && marked->range.start <= LB_LOW_END && marked->range.end > LB_LOW_END)
			return true;
	}
	return false;
}

uint32_t lb_srat_avoid(const struct lb_srat *srat, struct lb_range *ret_ranges)
{
	bool hotplug_means_it = !marks_boot_memory(srat);
	uint32_t count = 0;

	for (uint32_t i = 0; i < srat->count; i++) {
		const struct lb_srat_range *marked = &srat->ranges[i];

		if (marked->nonvolatile || (marked->hotplug && hotplug_means_it))
			ret_ranges[count++] = marked->range;
	}
	return count;
}
