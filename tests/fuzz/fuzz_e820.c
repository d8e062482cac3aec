// SPDX-License-Identifier: BSD-2-Clause
// Property: every rule on memory maps gives what a simple model gives, an array with one type for each KiB of
// a small machine. For a random map:
//
//   tidy          the map is sorted, disjoint and merged; at each place the largest type won
//   cut, retype   only what they name has changed
//   second        RAM is the low 1 MiB, crash_ram and crash_low; all other RAM is reserved
//   elfcore       PT_LOADs cover all RAM outside of both regions once, in exactly the announced bytes; whole
//                 pages of the low 1 MiB come from the backup, no two from one place; all else from its place
#include "crash/plan/e820_second.h"
#include "crash/plan/elfcore.h"
#include "fuzz.h"

#define KIB_MAX 4096U // 4 MiB; entries need not begin or end on pages
#define ENTRIES_MAX 64U
#define ROOM (4 * ENTRIES_MAX) // enough for all steps together
#define PRAM 12
#define BACKUP 0x40000000ULL
#define PAGE_OFFSET 0xffff888000000000ULL

static const uint32_t types[] = {0,    LB_E820_RAM,          LB_E820_RESERVED, LB_E820_ACPI, LB_E820_UNUSABLE,
				 PRAM, LB_E820_SOFT_RESERVED};

struct model {
	uint32_t type[KIB_MAX]; // for each KiB; 0: a hole
};

static struct lb_range take_range(struct fuzz_input *input)
{
	uint64_t start = fuzz_take(input, 2) % KIB_MAX;
	uint64_t kib = fuzz_take(input, 2) % (KIB_MAX - start + 1);

	return (struct lb_range){start * LB_KIB, (start + kib) * LB_KIB};
}

static void model_set(struct model *model, struct lb_range range, uint32_t from, uint32_t to)
{
	for (uint64_t i = range.start / LB_KIB; i < range.end / LB_KIB; i++) {
		if (model->type[i] == from)
			model->type[i] = to;
	}
}

static bool neighbours_merge(uint32_t type)
{
	return type != PRAM && type != LB_E820_SOFT_RESERVED;
}

// The map is sorted and disjoint, without empty entries or entries that could be merged, and equals the
// model.
static void check_map(const struct lb_e820 *map, const struct model *model)
{
	static struct model found;

	memset(&found, 0, sizeof(found));
	fuzz_check(map->count <= map->capacity);
	for (uint32_t i = 0; i < map->count; i++) {
		const struct boot_e820_entry *entry = &map->entries[i], *last = entry - (i > 0);

		fuzz_check(entry->size > 0 && entry->type != 0);
		if (i > 0) {
			fuzz_check(lb_e820_range(last).end <= entry->addr);
			fuzz_check(lb_e820_range(last).end < entry->addr || last->type != entry->type ||
				   !neighbours_merge(entry->type));
		}
		model_set(&found, lb_e820_range(entry), 0, entry->type);
	}
	fuzz_check(memcmp(&found, model, sizeof(found)) == 0);
}

static void check_questions(const struct lb_e820 *map, const struct model *model, struct lb_range range,
			    uint32_t type)
{
	uint64_t ram = 0;
	bool all = true;

	for (uint64_t i = range.start / LB_KIB; i < range.end / LB_KIB; i++) {
		ram += model->type[i] == LB_E820_RAM ? LB_KIB : 0;
		all = all && model->type[i] == type;
	}
	fuzz_check(lb_e820_ram(map, range) == ram);
	fuzz_check(lb_e820_all(map, range, type) == all);
}

// Builds map and model. If it fails or has no room, the message must say so.
static bool build(struct fuzz_input *input, struct lb_e820 *map, struct model *model)
{
	uint32_t count = (uint32_t)fuzz_take(input, 1) % (ENTRIES_MAX + 1);
	bool tight = fuzz_take(input, 1) & 1; // with little room, tidying may need more than there is
	struct lb_error err;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t type = types[fuzz_take(input, 1) % (sizeof(types) / sizeof(types[0]))];
		struct lb_range range = take_range(input);

		fuzz_check(lb_e820_add(map, range, type, &err) == 0);
		for (uint64_t kib = range.start / LB_KIB; kib < range.end / LB_KIB; kib++) {
			if (model->type[kib] < type)
				model->type[kib] = type;
		}
	}
	if (tight)
		map->capacity = map->count;
	fuzz_poison_error(&err);
	if (lb_e820_tidy(map, &err)) {
		fuzz_check(tight);
		fuzz_check_error(&err, "memory map: the table has ");
		return false;
	}
	check_map(map, model);
	map->capacity = ROOM;
	return true;
}

static void change(struct fuzz_input *input, struct lb_e820 *map, struct model *model)
{
	uint32_t steps = fuzz_take(input, 1) % 8;

	while (steps--) {
		uint32_t from = types[1 + fuzz_take(input, 1) % (sizeof(types) / sizeof(types[0]) - 1)];
		struct lb_range range = take_range(input);
		uint8_t how = (uint8_t)fuzz_take(input, 1);
		struct lb_error err;

		if (how & 1) {
			fuzz_check(lb_e820_cut(map, range, &err) == 0);
			for (uint64_t i = range.start / LB_KIB; i < range.end / LB_KIB; i++)
				model->type[i] = 0;
		} else {
			uint32_t to = types[1 + (how >> 1) % (sizeof(types) / sizeof(types[0]) - 1)];

			fuzz_check(lb_e820_retype(map, range, from, to, &err) == 0);
			model_set(model, range, from, to);
		}
		check_map(map, model);
		check_questions(map, model, take_range(input), from);
	}
}

// Regions of whole pages.
static struct lb_crash_regions take_regions(struct fuzz_input *input)
{
	struct lb_range ranges[] = {take_range(input), take_range(input)};

	for (unsigned int i = 0; i < 2; i++) {
		ranges[i].start = lb_align_down(ranges[i].start, LB_PAGE);
		ranges[i].end = lb_align_down(ranges[i].end, LB_PAGE);
		if (ranges[i].end < ranges[i].start)
			ranges[i].end = ranges[i].start;
	}
	return (struct lb_crash_regions){
		.crash = ranges[0],
		.ram = {ranges[0].start, ranges[0].end - ranges[0].end / 3 % LB_MIB / LB_PAGE * LB_PAGE},
		.low = ranges[1],
	};
}

static bool all_ram(const struct model *model, struct lb_range range)
{
	for (uint64_t i = range.start / LB_KIB; i < range.end / LB_KIB; i++) {
		if (i * LB_KIB < LB_LOW_END || model->type[i] != LB_E820_RAM)
			return false;
	}
	return true;
}

static bool regions_fit(const struct lb_crash_regions *regions, const struct model *model)
{
	bool low_ram = false;

	for (uint64_t i = 0; i < LB_LOW_END / LB_KIB; i++)
		low_ram = low_ram || model->type[i] == LB_E820_RAM;
	return low_ram && !lb_range_empty(regions->crash) && regions->crash.start >= LB_LOW_END &&
	       all_ram(model, regions->crash) && regions->ram.end > regions->ram.start &&
	       (lb_range_empty(regions->low) ||
		(all_ram(model, regions->low) && !lb_range_overlaps(regions->low, regions->crash)));
}

static bool inside(struct lb_range range, uint64_t at)
{
	return at >= range.start && at < range.end;
}

// Returns false if the input's regions are refused.
static bool check_second(const struct lb_crash_regions *regions, const struct lb_e820 *saved,
			 const struct model *model)
{
	struct boot_e820_entry *entries = fuzz_alloc(ROOM * sizeof(*entries));
	struct lb_e820 map = {entries, 0, ROOM, false};
	bool fits = regions_fit(regions, model);
	static struct model wanted;
	struct lb_error err;

	for (uint64_t i = 0; i < KIB_MAX; i++) {
		uint64_t at = i * LB_KIB;
		bool stays = at < LB_LOW_END || inside(regions->ram, at) || inside(regions->low, at);

		wanted.type[i] = model->type[i];
		if (model->type[i] == LB_E820_RAM && !stays)
			wanted.type[i] = LB_E820_RESERVED;
	}
	fuzz_poison_error(&err);
	if (lb_e820_second(saved, regions, &map, &err)) {
		fuzz_check(!fits);
		fuzz_check_error(&err, "memory map: ");
	} else {
		fuzz_check(fits);
		check_map(&map, &wanted);
	}
	free(entries);
	return fits;
}

// Every KiB of RAM outside of the regions is in one PT_LOAD. If its page is wholly RAM of one entry below 1
// MiB, it comes from the backup.
static void check_loads(const Elf64_Phdr *loads, uint32_t count, const struct lb_e820 *saved,
			const struct model *model, const struct lb_crash_regions *regions,
			uint64_t backup_bytes)
{
	static uint64_t from[KIB_MAX]; // physical address + 1; 0: in no PT_LOAD
	static bool used[KIB_MAX]; // for each KiB of the backup

	memset(from, 0, sizeof(from));
	memset(used, 0, sizeof(used));
	for (uint32_t i = 0; i < count; i++) {
		fuzz_check(loads[i].p_type == PT_LOAD && loads[i].p_align == 0);
		fuzz_check(loads[i].p_filesz == loads[i].p_memsz && loads[i].p_filesz > 0);
		fuzz_check(loads[i].p_vaddr == PAGE_OFFSET + loads[i].p_paddr);
		for (uint64_t at = 0; at < loads[i].p_filesz; at += LB_KIB) {
			uint64_t kib = (loads[i].p_paddr + at) / LB_KIB;

			fuzz_check(kib < KIB_MAX && from[kib] == 0);
			from[kib] = loads[i].p_offset + at + 1;
		}
	}
	for (uint64_t kib = 0; kib < KIB_MAX; kib++) {
		uint64_t at = kib * LB_KIB;
		uint64_t page = lb_align_down(at, LB_PAGE);
		bool whole = at < LB_LOW_END &&
			     lb_e820_ram(saved, (struct lb_range){page, page + LB_PAGE}) == LB_PAGE;

		if (model->type[kib] != LB_E820_RAM || inside(regions->crash, at) ||
		    inside(regions->low, at)) {
			fuzz_check(from[kib] == 0);
		} else if (!whole) {
			fuzz_check(from[kib] == at + 1);
		} else {
			uint64_t slot = (from[kib] - 1 - BACKUP) / LB_KIB;

			fuzz_check(from[kib] > BACKUP && from[kib] - 1 < BACKUP + backup_bytes);
			fuzz_check(!used[slot] && (from[kib] - 1) % LB_PAGE == at % LB_PAGE);
			used[slot] = true;
		}
	}
}

static void check_elfcore(const struct lb_e820 *saved, const struct model *model,
			  const struct lb_crash_regions *regions, uint32_t spare)
{
	const struct lb_range backup = {BACKUP, BACKUP + LB_LOW_END};
	struct lb_swap_range swap[ROOM];
	struct lb_elfcore core = {
		.saved = saved,
		.crash = regions->crash,
		.crash_low = regions->low,
		.spare = spare,
		.swap = swap,
		.notes = {BACKUP + LB_MIB, BACKUP + LB_MIB + LB_PAGE},
	};
	uint64_t bytes = lb_elfcore_bytes(&core);
	uint8_t *header = fuzz_alloc(bytes);
	uint64_t backup_bytes = 0;
	struct lb_error err;
	Elf64_Ehdr ehdr;

	fuzz_check(lb_elfcore_swap(saved, backup, swap, ROOM, &core.swap_count, &err) == 0);
	for (uint32_t i = 0; i < core.swap_count; i++) {
		fuzz_check(lb_aligned(swap[i].phys | swap[i].backup | swap[i].bytes, LB_PAGE));
		backup_bytes += swap[i].bytes;
	}
	fuzz_check(lb_elfcore_template(&core, header, bytes - 1, &err) == -1);
	fuzz_check(lb_elfcore_template(&core, header, bytes, &err) == 0);
	lb_elfcore_finish(header, PAGE_OFFSET, 0, 0, 0);
	memcpy(&ehdr, header, sizeof(ehdr));
	// One PT_NOTE, then PT_LOADs: the program header for the kernel's text is gone.
	fuzz_check(ehdr.e_phnum >= 1 &&
		   sizeof(ehdr) + (ehdr.e_phnum + 1U + spare) * sizeof(Elf64_Phdr) == bytes);
	check_loads((const Elf64_Phdr *)(const void *)(header + sizeof(ehdr)) + 1, ehdr.e_phnum - 1U, saved,
		    model, regions, backup_bytes);
	free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct boot_e820_entry entries[ROOM];
	static struct model model;
	struct fuzz_input input = {data, bytes};
	struct lb_e820 map = {entries, 0, ROOM, false};
	struct lb_crash_regions regions;
	struct lb_error err;

	memset(&model, 0, sizeof(model));
	if (!build(&input, &map, &model))
		return 0;
	change(&input, &map, &model);
	lb_e820_seal(&map);
	fuzz_check(lb_e820_tidy(&map, &err) && lb_e820_add(&map, (struct lb_range){0, 1}, 1, &err));
	regions = take_regions(&input);
	if (check_second(&regions, &map, &model))
		check_elfcore(&map, &model, &regions, (uint32_t)fuzz_take(&input, 1) % 4);
	return 0;
}
