// SPDX-License-Identifier: BSD-2-Clause
#include "tools/footprint/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/plan/dumpsize.h"
#include "crash/plan/place.h"
#include "tools/footprint/crash_memory.h"
#include "tools/footprint/plain_text.h"

_Static_assert(MACHINE_E820_ENTRY == sizeof(struct boot_e820_entry), "as the kernel has it");

// Firmware loads runtime drivers near the top of RAM below 4 GiB: ours, text and data,
// comes to less than this, and this far below the top other runtime memory ends.
#define HOOK_BYTES (64 * LB_KIB)
#define HOOK_BELOW_TOP (16 * LB_MIB)

static int fail(struct source_error *err, const char *name, const char *text)
{
	snprintf(err->text, sizeof(err->text), "%s: %s", name, text);
	return -1;
}

static bool needs_crash(enum lb_footprint_policy policy)
{
	return policy <= LB_FOOTPRINT_CRASH_2M;
}

bool machine_has(const struct machine *machine, enum lb_footprint_policy policy)
{
	return !needs_crash(policy) || machine->crash_count > 0;
}

static int take_ram(struct machine *machine, const struct lb_e820 *map, struct source_error *err)
{
	machine->ram = calloc(map->count + 1, sizeof(*machine->ram));
	if (!machine->ram)
		return fail(err, machine->name, "out of memory");
	for (uint32_t i = 0; i < map->count; i++) {
		const struct boot_e820_entry *entry = &map->entries[i];

		if (entry->type != LB_E820_RAM)
			continue;
		machine->ram[machine->ram_count++] =
			(struct lb_range){entry->addr, entry->addr + entry->size};
		machine->ram_bytes += entry->size;
	}
	return 0;
}

// The likely place of the hook: in the highest RAM below 4 GiB that is large enough.
static struct lb_range likely_hook(const struct machine *machine)
{
	struct lb_range hook = {0, 0};

	for (size_t i = 0; i < machine->ram_count; i++) {
		struct lb_range ram = lb_range_intersect(machine->ram[i], (struct lb_range){0, LB_4GIB});

		if (lb_range_size(ram) < 2 * HOOK_BELOW_TOP)
			continue;
		hook.start = lb_align_down(ram.end - HOOK_BELOW_TOP, LB_REGION_STEP);
		hook.end = hook.start + HOOK_BYTES;
	}
	return hook;
}

uint64_t machine_tables_avoided(const struct machine *machine)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < machine->avoid_count; i++)
		pages += lb_pages(lb_range_size(lb_range_intersect(machine->avoid[i], machine->tables)));
	return pages;
}

static bool clear_of_hook(void *ctx, struct lb_range candidate)
{
	const struct machine *machine = ctx;

	for (size_t i = 0; i < machine->ours_count; i++) {
		if (lb_range_overlaps(machine->ours[i], candidate))
			return false;
	}
	return true;
}

static void take_hook(struct machine *machine, const struct setting *setting)
{
	struct lb_range hook = likely_hook(machine);

	if (setting->no_hook)
		return;
	for (size_t i = 0; i < setting->hook_count; i++)
		machine->ours[machine->ours_count++] = setting->hook[i];
	if (setting->hook_count == 0 && !lb_range_empty(hook))
		machine->ours[machine->ours_count++] = hook;
}

// A region of the asked size, or of the size that `auto` comes to, where the loader would place it.
static int place_region(struct machine *machine, const struct lb_e820 *map, const struct setting *setting,
			uint64_t automatic, struct lb_error *why)
{
	const struct lb_place_request request = {
		.bytes = setting->crash_bytes ? setting->crash_bytes : automatic,
		.align = LB_REGION_STEP,
		.min = LB_REGION_MIN,
		.avoid = machine->avoid,
		.avoid_count = machine->avoid_count,
		.reach = LB_PLACE_LOWEST,
	};

	return lb_place_by_reach(map, request, clear_of_hook, machine, &machine->region, why);
}

// Finds the tables' place in a region that holds all that the built-in capture kernel needs.
static void find_tables(struct machine *machine, const struct lb_layout_need *need)
{
	struct lb_layout layout;

	if (lb_layout(need, machine->region, &layout, NULL) == 0)
		machine->tables = layout.page_tables;
}

// Call it after the hook is placed: the region keeps clear of the hook. Where no region fits there is no
// crash memory.
static void take_crash(struct machine *machine, const struct lb_e820 *map, const struct setting *setting)
{
	const struct crash_memory_request request = {
		.map = map,
		.srat = &machine->srat,
		.cpus = setting->cpus,
		.paging = {52, machine->gib_pages, machine->levels == 5},
	};
	struct crash_memory memory = {0};
	struct lb_error why = {""};
	int failed = crash_memory_auto(&request, &memory, &why);

	machine->crash[machine->crash_count++] = (struct lb_range){0, LB_LOW_END};
	for (size_t i = 0; i < setting->crash_count; i++)
		machine->crash[machine->crash_count++] = machine->region = setting->crash[i];
	if (setting->crash_count == 0) {
		if (!failed || setting->crash_bytes)
			failed = place_region(machine, map, setting, memory.bytes, &why);
		machine->crash[machine->crash_count++] = machine->region;
		if (failed) {
			memcpy(machine->no_crash, why.text, sizeof(machine->no_crash));
			machine->crash_count = 0;
		}
	}
	if (machine->crash_count && memory.bytes)
		find_tables(machine, &memory.need);
	machine->crash_count = lb_footprint_tidy(machine->crash, machine->crash_count);
	memcpy(&machine->ours[machine->ours_count], machine->crash,
	       machine->crash_count * sizeof(machine->crash[0]));
	machine->ours_count = lb_footprint_tidy(machine->ours, machine->ours_count + machine->crash_count);
}

static int count_all(struct machine *machine, struct source_error *err)
{
	const struct lb_footprint_request request = {
		.ram = machine->ram,
		.ram_count = machine->ram_count,
		.crash = machine->crash,
		.crash_count = machine->crash_count,
		.ours = machine->ours,
		.ours_count = machine->ours_count,
		.windows = machine->windows,
		.gib_pages = machine->gib_pages,
		.la57 = machine->levels == 5,
		.root4 = true,
	};
	enum lb_footprint_status status = LB_FOOTPRINT_OK;

	for (enum lb_footprint_policy i = 0; i < LB_FOOTPRINT_POLICIES && status == LB_FOOTPRINT_OK; i++) {
		if (machine_has(machine, i))
			status = lb_footprint(&request, i, &machine->footprints[i]);
	}
	if (status == LB_FOOTPRINT_OK)
		status = lb_footprint_sections(machine->crash, machine->crash_count, machine->levels == 5,
					       &machine->second);
	if (status == LB_FOOTPRINT_OK)
		status = lb_footprint_sections(machine->ram, machine->ram_count, machine->levels == 5,
					       &machine->everything);
	if (status != LB_FOOTPRINT_OK)
		return fail(err, machine->name, lb_footprint_status_text(status));
	return 0;
}

// `map` is tidy.
static int fill(struct machine *machine, const struct lb_e820 *map, const struct setting *setting,
		struct source_error *err)
{
	if (take_ram(machine, map, err) != 0)
		return -1;
	machine->gib_pages = setting->gib_pages;
	machine->levels = setting->levels;
	if (machine->levels == 0)
		machine->levels = machine->ram[machine->ram_count - 1].end > MACHINE_LEVELS4_END ? 5 : 4;
	machine->windows = setting->no_windows ? 0 : LB_WINDOWS_AT;
	machine->e820_entries = map->count;
	machine->dump_bytes = lb_dump_size_of(map);
	if (setting->srat)
		machine->srat = *setting->srat;
	machine->avoid_count = lb_srat_avoid(&machine->srat, machine->avoid);
	take_hook(machine, setting);
	take_crash(machine, map, setting);
	if (count_all(machine, err) != 0)
		return -1;
	// The tables take a part of what was kept free for them.
	if (!lb_range_empty(machine->tables))
		machine->tables.end = machine->tables.start + machine->footprints[LB_FOOTPRINT_OURS].bytes;
	return 0;
}

static int tidy_and_fill(struct machine *machine, struct lb_e820 *map, const struct setting *setting,
			 struct source_error *err)
{
	struct lb_error why = {""};
	int result;

	if (lb_e820_tidy(map, &why))
		return fail(err, machine->name, why.text);
	result = fill(machine, map, setting, err);
	if (result)
		machine_free(machine);
	return result;
}

int machine_from_map(const char *name, const struct source *source, const struct setting *setting,
		     struct machine *ret_machine, struct source_error *err)
{
	struct machine machine = {.srat = source->srat};
	struct lb_e820 map = {.capacity = 2 * source->count};
	struct lb_error why = {""};
	int result = 0;

	snprintf(machine.name, sizeof(machine.name), "%s", name);
	plain_name(machine.name);
	map.entries = calloc(map.capacity, sizeof(*map.entries));
	if (!map.entries)
		return fail(err, name, "out of memory");
	for (uint32_t i = 0; i < source->count && result == 0; i++) {
		const struct boot_e820_entry *entry = &source->entries[i];

		if (lb_e820_add(&map, (struct lb_range){entry->addr, entry->addr + entry->size}, entry->type,
				&why))
			result = fail(err, name, why.text);
	}
	if (result == 0)
		result = tidy_and_fill(&machine, &map, setting, err);
	free(map.entries);
	if (result == 0)
		*ret_machine = machine;
	return result;
}

int machine_synthetic(uint64_t ram, bool flat, const struct setting *setting, struct machine *ret_machine,
		      struct source_error *err)
{
	const uint64_t below = ram < 2 * LB_GIB ? ram : 2 * LB_GIB;
	struct boot_e820_entry entries[12] = {
		{0, 0x9fc00, LB_E820_RAM},
		{0x9fc00, 0x400, LB_E820_RESERVED},
		{0xf0000, 0x10000, LB_E820_RESERVED},
		{LB_MIB, below - LB_MIB, LB_E820_RAM},
		{0xb0000000, 0x10000000, LB_E820_RESERVED}, // ECAM
	};
	struct lb_e820 map = {.entries = entries, .count = 5, .capacity = 12};
	struct machine machine = {.synthetic = true};
	const unsigned int levels = setting->levels ? setting->levels : ram > MACHINE_LEVELS4_END ? 5 : 4;
	const uint64_t limit = levels == 5 ? MACHINE_LEVELS5_END : MACHINE_LEVELS4_END;
	uint64_t above = ram - below;
	struct setting used = *setting;

	used.levels = levels;
	// The RAM that the hole pushes up has no addresses where there is as much RAM as there are
	// addresses.
	if (ram <= limit && above > limit - LB_4GIB)
		above = limit - LB_4GIB;
	if (above)
		entries[map.count++] = (struct boot_e820_entry){LB_4GIB, above, LB_E820_RAM};
	if (flat) {
		entries[0] = (struct boot_e820_entry){0, ram, LB_E820_RAM};
		map.count = 1;
	}
	snprintf(machine.name, sizeof(machine.name), "%s", flat ? "flat" : "PC");
	if (tidy_and_fill(&machine, &map, &used, err) != 0)
		return -1;
	machine.ram_bytes = ram; // what was asked for; the hole at 640 KiB is not RAM
	*ret_machine = machine;
	return 0;
}

int machine_slope(const struct setting *setting, uint64_t ret_bytes[LB_FOOTPRINT_POLICIES],
		  struct source_error *err)
{
	const uint64_t sizes[2] = {16 * LB_TIB, 32 * LB_TIB};
	struct machine machines[2];

	for (int i = 0; i < 2; i++) {
		if (machine_synthetic(sizes[i], true, setting, &machines[i], err) != 0)
			return -1;
		machine_free(&machines[i]);
	}
	for (int i = 0; i < LB_FOOTPRINT_POLICIES; i++)
		ret_bytes[i] = (machines[1].footprints[i].bytes - machines[0].footprints[i].bytes) /
			       ((sizes[1] - sizes[0]) / LB_TIB);
	return 0;
}

void machine_free(struct machine *machine)
{
	free(machine->ram);
	machine->ram = NULL;
}
