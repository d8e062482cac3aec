// SPDX-License-Identifier: BSD-2-Clause
// Property: of any bytes, lb_srat_read() either tells what is wrong and writes nothing, or
// gives the marked ranges that a walk over the same bytes finds, none of them empty or
// wrapped; what is to be avoided is among them.
#include "crash/plan/srat.h"
#include "fuzz.h"

static uint64_t number(const uint8_t *at, unsigned int bytes)
{
	struct fuzz_input input = {at, bytes};

	return fuzz_take(&input, bytes);
}

static void check_ranges(const uint8_t *table, uint64_t bytes, const struct lb_srat *srat)
{
	uint32_t found = 0;

	fuzz_check(bytes >= 48 && srat->count <= LB_SRAT_MAX_RANGES);
	for (uint64_t at = 48; at < bytes; at += table[at + 1]) {
		const uint8_t *entry = table + at;
		uint64_t base, length;
		uint32_t flags;

		fuzz_check(bytes - at >= 2 && entry[1] >= 2 && entry[1] <= bytes - at);
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

// Ranges may be given twice with other marks: what is listed goes by the marks, in order.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	uint8_t *table = fuzz_alloc(bytes);
	struct lb_srat srat;
	struct lb_error err;

	if (bytes)
		memcpy(table, data, bytes);
	fuzz_poison_error(&err);
	fuzz_poison(&srat, sizeof(srat));
	if (lb_srat_read(table, bytes, &srat, &err)) {
		fuzz_check_error(&err, "ACPI table SRAT: ");
		fuzz_check_untouched(&srat, sizeof(srat));
	} else {
		check_ranges(table, bytes, &srat);
		check_avoid(&srat);
	}
	free(table);
	return 0;
}
