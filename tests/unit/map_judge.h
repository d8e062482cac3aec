// SPDX-License-Identifier: BSD-2-Clause
// Judges a plan for a memory map. All that must hold is stated in check_world(), and compared with a judge
// that knows only the raw entries.
#ifndef LIFEBOAT_TESTS_UNIT_MAP_JUDGE_H
#define LIFEBOAT_TESTS_UNIT_MAP_JUDGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANGES 4 // in one list of mapped ranges
#include "ident_judge.h"
#include "unit.h"

#include "crash/plan/bootparams.h"
#include "crash/plan/capturesize.h"
#include "crash/plan/e820_second.h"
#include "crash/plan/elfcore.h"
#include "crash/plan/place.h"
#include "crash/plan/srat.h"
#include "lifeboat/capture_config.h"

#define WINDOWS_AT (2 * LB_MIB - 2 * LB_PAGE)

static const char *current; // the current map, for messages

#define check(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_msg("%s: %s:%d: does not hold: %s", current, __FILE__, __LINE__, #condition);   \
	} while (0)

static inline void *allocate(size_t bytes)
{
	void *memory = calloc(1, bytes ? bytes : 1);

	if (!memory)
		abort();
	return memory;
}

// The judge: addresses cut at every border of a raw entry. [borders[i], borders[i + 1]) is of types[i].
// Outside of the borders there is nothing.
struct map_judge {
	uint64_t *borders;
	uint32_t *types;
	uint32_t count; // number of borders
	uint64_t ram;
};

static inline int compare_addresses(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static inline uint32_t strongest_type(const struct boot_e820_entry *raw, uint32_t count, uint64_t addr)
{
	uint32_t type = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (raw[i].addr <= addr && addr - raw[i].addr < raw[i].size && raw[i].type > type)
			type = raw[i].type;
	}
	return type;
}

static inline struct map_judge judge_of(const struct boot_e820_entry *raw, uint32_t count)
{
	struct map_judge judge = {
		.borders = allocate(2ULL * count * sizeof(uint64_t)),
		.types = allocate(2ULL * count * sizeof(uint32_t)),
		.count = 2 * count,
	};

	for (uint32_t i = 0; i < count; i++) {
		judge.borders[2 * i] = raw[i].addr;
		judge.borders[2 * i + 1] = raw[i].addr + raw[i].size;
	}
	qsort(judge.borders, judge.count, sizeof(*judge.borders), compare_addresses);
	for (uint32_t i = 0; i + 1 < judge.count; i++) {
		judge.types[i] = strongest_type(raw, count, judge.borders[i]);
		if (judge.types[i] == LB_E820_RAM)
			judge.ram += judge.borders[i + 1] - judge.borders[i];
	}
	return judge;
}

static inline void free_judge(struct map_judge *judge)
{
	free(judge->borders);
	free(judge->types);
}

static inline uint32_t judge_type(const struct map_judge *judge, uint64_t addr)
{
	uint32_t type = 0;

	for (uint32_t i = 0; i + 1 < judge->count && judge->borders[i] <= addr; i++) {
		if (addr < judge->borders[i + 1])
			type = judge->types[i];
	}
	return type;
}

static inline bool judge_all_ram(const struct map_judge *judge, struct lb_range range)
{
	uint64_t ram = 0;

	for (uint32_t i = 0; i + 1 < judge->count && judge->borders[i] < range.end; i++) {
		struct lb_range piece = {judge->borders[i], judge->borders[i + 1]};

		if (judge->types[i] == LB_E820_RAM)
			ram += lb_range_size(lb_range_intersect(piece, range));
	}
	return ram == lb_range_size(range);
}

static inline bool judge_avoided(const struct lb_place_request *request, struct lb_range range)
{
	for (uint32_t i = 0; i < request->avoid_count; i++) {
		if (lb_range_overlaps(request->avoid[i], range))
			return true;
	}
	return false;
}

// A map, and everything that was made from it for one region.
struct world {
	const struct map_judge *judge;
	struct lb_e820 saved;
	struct lb_range avoid[LB_SRAT_MAX_RANGES + 1]; // SRAT's ranges, then the region
	struct lb_place_request request, low_request; // with 0 bytes no low region was requested
	struct lb_range region, low;
	uint32_t spare; // spare PT_LOADs for hot-added RAM
	struct lb_layout_need need;
	struct lb_layout layout;
	struct lb_e820 second;
	struct boot_params params;
	uint8_t *setup_data;
	struct lb_swap_range swap[LB_MAX_SWAP_RANGES];
	uint32_t swap_count;
	uint8_t *header;
};

// The second map can have this many more entries than e820_saved: one entry is cut at 1 MiB, and each region
// cuts an entry at both ends.
#define SECOND_MORE 5

static inline uint64_t end_of(const struct boot_e820_entry *entry)
{
	return entry->addr + entry->size;
}

static inline bool keeps_apart(uint32_t type)
{
	return type == 12 || type == LB_E820_SOFT_RESERVED;
}

static inline void check_tidy(const struct lb_e820 *map)
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct boot_e820_entry *entry = &map->entries[i];

		check(entry->size > 0 && entry->type > 0);
		if (i == 0)
			continue;
		check(end_of(entry - 1) <= entry->addr);
		check(end_of(entry - 1) < entry->addr || entry[-1].type != entry->type ||
		      keeps_apart(entry->type));
	}
}

// Map and judge change at their borders only. So the borders of both, and the byte below each, cover
// everything.
static inline void check_saved_at(const struct world *world, uint64_t addr)
{
	check(strongest_type(world->saved.entries, world->saved.count, addr) ==
	      judge_type(world->judge, addr));
}

static inline void check_saved(const struct world *world)
{
	check_tidy(&world->saved);
	for (uint32_t i = 0; i < world->judge->count; i++) {
		check_saved_at(world, world->judge->borders[i]);
		check_saved_at(world, world->judge->borders[i] - 1);
	}
	for (uint32_t i = 0; i < world->saved.count; i++) {
		check_saved_at(world, world->saved.entries[i].addr);
		check_saved_at(world, end_of(&world->saved.entries[i]));
	}
	check(lb_e820_ram(&world->saved, (struct lb_range){0, UINT64_MAX}) == world->judge->ram);
}

static inline void check_place(const struct world *world, const struct lb_place_request *request,
			       struct lb_range place)
{
	check(lb_range_size(place) == request->bytes);
	check(lb_aligned(place.start, request->align) && lb_aligned(place.end, 2 * LB_MIB));
	check(place.start >= request->min && place.end <= request->max);
	check(judge_all_ram(world->judge, place));
	check(!judge_avoided(request, place));
}

static inline struct lb_elfcore core_of(const struct world *world)
{
	return (struct lb_elfcore){
		.saved = &world->saved,
		.crash = world->region,
		.crash_low = world->low,
		.spare = world->spare,
		.swap = world->swap,
		.swap_count = world->swap_count,
		.notes = world->layout.notes,
	};
}

// A low region exists only above 4 GiB, and where the map has a place for it.
static inline void check_regions(const struct world *world)
{
	check_place(world, &world->request, world->region);
	if (lb_range_empty(world->low))
		return;
	check(world->region.end > LB_4GIB && world->low.end <= LB_4GIB);
	check_place(world, &world->low_request, world->low);
	check(!lb_range_overlaps(world->low, world->region));
}

static inline void check_layout(const struct world *world)
{
	const struct lb_layout *layout = &world->layout;
	const struct lb_elfcore core = core_of(world);
	const struct lb_range parts[] = {
		layout->kernel,     layout->initrd,      layout->boot_params,    layout->setup_data,
		layout->cmdline,    layout->page_tables, layout->purgatory_text, layout->purgatory_data,
		layout->handoff,    layout->live,        layout->capture,        layout->e820_saved,
		layout->elfcorehdr, layout->notes,       layout->backup,
	};
	uint64_t reached = world->region.start;

	for (unsigned int i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		check(parts[i].start >= reached && parts[i].end >= parts[i].start);
		check(lb_aligned(parts[i].start | parts[i].end, LB_PAGE));
		check(lb_range_contains(layout->ram, parts[i]) == (i <= 4));
		reached = parts[i].end;
	}
	check(reached == world->region.end);
	check(layout->ram.start == world->region.start && layout->ram.end == layout->page_tables.start);
	check(lb_range_size(layout->elfcorehdr) >= lb_elfcore_bytes(&core));
}

// RAM of the second kernel is the RAM below 1 MiB, the region's RAM, and the low region. All other RAM is
// reserved, and the rest is unchanged.
static inline void check_second_at(const struct world *world, uint64_t addr)
{
	uint32_t wanted = judge_type(world->judge, addr);
	bool in_ram = (addr >= world->layout.ram.start && addr < world->layout.ram.end) ||
		      (addr >= world->low.start && addr < world->low.end);

	if (wanted == LB_E820_RAM && addr >= LB_LOW_END && !in_ram)
		wanted = LB_E820_RESERVED;
	check(strongest_type(world->second.entries, world->second.count, addr) == wanted);
}

static inline void check_second(const struct world *world)
{
	const struct lb_range low = {0, LB_LOW_END};
	const uint64_t borders[] = {LB_LOW_END,        world->layout.ram.start, world->layout.ram.end,
				    world->region.end, world->low.start,        world->low.end};

	check_tidy(&world->second);
	for (uint32_t i = 0; i < world->judge->count; i++) {
		check_second_at(world, world->judge->borders[i]);
		check_second_at(world, world->judge->borders[i] - 1);
	}
	for (uint32_t i = 0; i < world->second.count; i++) {
		check_second_at(world, world->second.entries[i].addr);
		check_second_at(world, end_of(&world->second.entries[i]));
	}
	for (unsigned int i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
		check_second_at(world, borders[i]);
		check_second_at(world, borders[i] - 1);
	}
	check(lb_e820_ram(&world->second, (struct lb_range){0, UINT64_MAX}) ==
	      lb_e820_ram(&world->saved, low) + lb_range_size(world->layout.ram) + lb_range_size(world->low));
}

// Zero page and SETUP_E820_EXT together hold the second map, in order.
static inline void check_boot_params(const struct world *world)
{
	const struct boot_params *params = &world->params;
	uint32_t count = world->second.count;
	uint32_t here = count < 128 ? count : 128;
	struct setup_data node;

	check(params->e820_entries == here);
	check(memcmp(params->e820_table, world->second.entries, here * 20) == 0);
	check((params->hdr.setup_data != 0) == (count > here));
	check(lb_bootparams_setup_data(count) <= lb_range_size(world->layout.setup_data));
	if (count == here)
		return;
	check(params->hdr.setup_data == world->layout.setup_data.start);
	memcpy(&node, world->setup_data, sizeof(node));
	check(node.next == 0 && node.type == SETUP_E820_EXT && node.len == (count - here) * 20);
	check(memcmp(world->setup_data + sizeof(node), world->second.entries + here, node.len) == 0);
}

static inline const struct lb_swap_range *find_swap(const struct world *world, uint64_t phys)
{
	const struct lb_swap_range *found = NULL;

	for (uint32_t i = 0; i < world->swap_count; i++) {
		if (phys >= world->swap[i].phys && phys < world->swap[i].phys + world->swap[i].bytes) {
			check(!found);
			found = &world->swap[i];
		}
	}
	return found;
}

// The swap list has each whole page of low RAM once, and no other page. The backups follow each other.
static inline void check_swap(const struct world *world)
{
	uint64_t backup = world->layout.backup.start;

	for (uint64_t page = 0; page < LB_LOW_END; page += LB_PAGE) {
		bool ram = judge_all_ram(world->judge, (struct lb_range){page, page + LB_PAGE});

		check((find_swap(world, page) != NULL) == ram);
	}
	for (uint32_t i = 0; i < world->swap_count; i++) {
		const struct lb_swap_range *swap = &world->swap[i];

		check(lb_aligned(swap->phys | swap->backup | swap->bytes, LB_PAGE) && swap->bytes > 0);
		check(swap->phys + swap->bytes <= LB_LOW_END);
		check(swap->backup == backup);
		backup += swap->bytes;
	}
	check(backup <= world->layout.backup.end);
}

static inline void check_load(const struct world *world, const Elf64_Phdr *phdr, uint64_t reached)
{
	struct lb_range phys = {phdr->p_paddr, phdr->p_paddr + phdr->p_memsz};
	const struct lb_swap_range *swap = find_swap(world, phys.start);

	check(phdr->p_type == PT_LOAD && phdr->p_align == 0 && phdr->p_vaddr == 0);
	check(phdr->p_memsz > 0 && phdr->p_filesz == phdr->p_memsz);
	check(phys.start >= reached);
	check(judge_all_ram(world->judge, phys));
	check(!lb_range_overlaps(phys, world->region) && !lb_range_overlaps(phys, world->low));
	if (swap) {
		check(phys.end <= swap->phys + swap->bytes);
		check(phdr->p_offset == swap->backup + (phys.start - swap->phys));
	} else {
		check(phdr->p_offset == phys.start);
		check(phys.start >= LB_LOW_END || phys.end <= LB_LOW_END || world->swap_count == 0 ||
		      !find_swap(world, lb_align_up(phys.start, LB_PAGE)));
	}
}

// The core header's RAM and crash memory together are all RAM, to the byte: its pieces are RAM, lie outside
// of the region and apart from each other, and the sums are equal.
static inline void check_core(const struct world *world)
{
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)world->header;
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)(ehdr + 1);
	const struct lb_elfcore core = core_of(world);
	uint64_t described = lb_range_size(world->region) + lb_range_size(world->low);
	uint64_t reached = 0;

	check(ehdr->e_phnum >= 3 && ehdr->e_phoff == sizeof(*ehdr));
	check(lb_elfcore_bytes(&core) == sizeof(*ehdr) + (ehdr->e_phnum + world->spare) * sizeof(*phdr));
	check(phdr[0].p_type == PT_NOTE && phdr[0].p_offset == world->layout.notes.start);
	check(phdr[0].p_memsz == lb_range_size(world->layout.notes) && phdr[0].p_filesz == phdr[0].p_memsz);
	check(phdr[1].p_type == PT_NULL && phdr[1].p_align == 0);
	for (unsigned int i = 2; i < ehdr->e_phnum; i++) {
		check_load(world, &phdr[i], reached);
		reached = phdr[i].p_paddr + phdr[i].p_memsz;
		described += phdr[i].p_memsz;
	}
	check(described == world->judge->ram);
	for (unsigned int i = 0; i < world->spare; i++)
		check(phdr[ehdr->e_phnum + i].p_type == PT_NULL && phdr[ehdr->e_phnum + i].p_memsz == 0);
}

static inline bool crosses_gib(struct lb_range range)
{
	return range.start >> 30 != (range.end - 1) >> 30;
}

// Both roots map the low 1 MiB and the region one to one, and nothing else. A region below 1 GiB takes the
// same number of tables wherever it lies.
static inline void check_tables(const struct world *world)
{
	const struct lb_ident_range ranges[] = {{{0, LB_LOW_END}, LB_MEM_WB}, {world->region, LB_MEM_WB}};
	struct lb_ident_request request = {
		.ranges = ranges,
		.count = 2,
		.phys_bits = 48,
		.root4 = true,
		.root5 = true,
		.windows = WINDOWS_AT,
	};

	for (unsigned int gib = 0; gib < 2; gib++) {
		struct built built = {.phys = world->layout.page_tables.start};
		struct lb_ident_size size;

		request.gib_pages = gib;
		check(lb_ident_count(&request, &size) == LB_IDENT_OK);
		check(lb_range_size(world->region) >= LB_GIB || crosses_gib(world->region) ||
		      size.pages <= 7);
		check(size.pages * LB_PAGE <= lb_range_size(world->layout.page_tables));
		built.pages = size.pages;
		built.buffer = aligned_alloc(LB_PAGE, size.pages * LB_PAGE);
		check(built.buffer != NULL);
		check(lb_ident_build(&request, built.buffer, size.pages, built.phys, &built.tables) ==
		      LB_IDENT_OK);
		judge_root(&built, &request, false, true);
		judge_root(&built, &request, true, true);
		free(built.buffer);
	}
}

// Returns the bytes of tables that map all RAM of the map.
static inline uint64_t ram_tables(const struct world *world, bool gib_pages)
{
	struct lb_ident_range *ranges = allocate(world->saved.count * sizeof(*ranges));
	struct lb_ident_request request = {
		.ranges = ranges, .phys_bits = 52, .gib_pages = gib_pages, .root5 = true};
	struct lb_ident_size size;

	for (uint32_t i = 0; i < world->saved.count; i++) {
		const struct boot_e820_entry *entry = &world->saved.entries[i];
		struct lb_range whole = {lb_align_up(entry->addr, LB_PAGE),
					 lb_align_down(entry->addr + entry->size, LB_PAGE)};

		if (entry->type == LB_E820_RAM && !lb_range_empty(whole))
			ranges[request.count++] = (struct lb_ident_range){whole, LB_MEM_WB};
	}
	check(lb_ident_count(&request, &size) == LB_IDENT_OK);
	free(ranges);
	return size.pages * LB_PAGE;
}

// The built-in capture kernel takes at most 16 MiB on any machine, with or without 1 GiB pages. Its heap has
// the planned size.
static inline void check_builtin(const struct world *world)
{
	struct lb_layout_need need = world->need;
	struct lb_error err = {""};
	struct lb_capture_need wanted = {.cpus = 8, .targets = 1};

	need.kernel = LB_MIB;
	need.initrd = 0;
	need.capture = sizeof(struct lb_capture_config);
	check(lb_layout_minimum(&need, &wanted.contents, &err) == 0);
	for (int gib_pages = 0; gib_pages < 2; gib_pages++) {
		struct lb_range region = {64 * LB_MIB, 64 * LB_MIB};
		struct lb_capture_size size;
		struct lb_layout layout;

		wanted.tables = ram_tables(world, gib_pages);
		check(lb_capture_size(&wanted, LB_CAPTURE_MAX, &size, &err) == 0);
		check(size.total <= LB_CAPTURE_MAX && size.cpus == 8);
		region.end += size.total;
		check(lb_layout(&need, region, &layout, &err) == 0);
		check(lb_range_size(layout.free) >= size.buffers + size.helpers + size.tables + size.slack);
	}
}

// Judges all that must hold.
static inline void check_world(const struct world *world)
{
	check_regions(world);
	check_layout(world);
	check_second(world);
	check_boot_params(world);
	check_swap(world);
	check_core(world);
	check_tables(world);
	check_builtin(world);
}

#endif
