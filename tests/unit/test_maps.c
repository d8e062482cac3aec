// SPDX-License-Identifier: BSD-2-Clause
// Whole memory maps through all of crash/'s rules: tidy, place, layout, the second
// kernel's map, boot_params, swap list, ELF core header, page tables. What must hold of
// the result is stated once, in check_world(), against a judge that knows the raw
// entries only.
//
// The maps are those in tests/data/maps, always; those of real machines in the folder
// LIFEBOAT_MAPS (../shared/data/e820 unless set) where it exists, and beside it efi/.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANGES 4 // in one list of what is mapped
#include "ident_judge.h"
#include "unit.h"

#include "crash/plan/bootparams.h"
#include "crash/plan/capturesize.h"
#include "crash/plan/e820_second.h"
#include "crash/plan/elfcore.h"
#include "crash/plan/hotplug.h"
#include "crash/plan/place.h"
#include "crash/plan/srat.h"
#include "lifeboat/capture_config.h"
#include "map_file.h"

#define OWN_MAPS "tests/data/maps"
#define REAL_MAPS "../shared/data/e820"
#define OWN_MAPS_MIN 16
#define WINDOWS_AT (2 * LB_MIB - 2 * LB_PAGE)

static const char *current; // the map looked at, for messages

#define check(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_msg("%s: %s:%d: not so: %s", current, __FILE__, __LINE__, #condition);          \
	} while (0)

static void *allocate(size_t bytes)
{
	void *memory = calloc(1, bytes ? bytes : 1);

	if (!memory)
		abort();
	return memory;
}

// The judge: addresses cut at every border of the raw entries, and what lies between
// two borders. [borders[i], borders[i + 1]) has types[i]; nothing else is anything.
struct map_judge {
	uint64_t *borders;
	uint32_t *types;
	uint32_t count; // of borders
	uint64_t ram;
};

static int compare_addresses(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static uint32_t strongest_type(const struct boot_e820_entry *raw, uint32_t count, uint64_t addr)
{
	uint32_t type = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (raw[i].addr <= addr && addr - raw[i].addr < raw[i].size && raw[i].type > type)
			type = raw[i].type;
	}
	return type;
}

static struct map_judge judge_of(const struct boot_e820_entry *raw, uint32_t count)
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

static void free_judge(struct map_judge *judge)
{
	free(judge->borders);
	free(judge->types);
}

static uint32_t judge_type(const struct map_judge *judge, uint64_t addr)
{
	uint32_t type = 0;

	for (uint32_t i = 0; i + 1 < judge->count && judge->borders[i] <= addr; i++) {
		if (addr < judge->borders[i + 1])
			type = judge->types[i];
	}
	return type;
}

static bool judge_all_ram(const struct map_judge *judge, struct lb_range range)
{
	uint64_t ram = 0;

	for (uint32_t i = 0; i + 1 < judge->count && judge->borders[i] < range.end; i++) {
		struct lb_range piece = {judge->borders[i], judge->borders[i + 1]};

		if (judge->types[i] == LB_E820_RAM)
			ram += lb_range_size(lb_range_intersect(piece, range));
	}
	return ram == lb_range_size(range);
}

static bool judge_avoided(const struct lb_place_request *request, struct lb_range range)
{
	for (uint32_t i = 0; i < request->avoid_count; i++) {
		if (lb_range_overlaps(request->avoid[i], range))
			return true;
	}
	return false;
}

// A map and everything that was made of it for one region.
struct world {
	const struct map_judge *judge;
	struct lb_e820 saved;
	struct lb_range avoid[LB_SRAT_MAX_RANGES + 1]; // SRAT's, then the region
	struct lb_place_request request, low_request; // bytes 0: no low region was asked for
	struct lb_range region, low;
	uint32_t spare; // PT_LOADs for hot-added RAM
	struct lb_layout_need need;
	struct lb_layout layout;
	struct lb_e820 second;
	struct boot_params params;
	uint8_t *setup_data;
	struct lb_swap_range swap[LB_MAX_SWAP_RANGES];
	uint32_t swap_count;
	uint8_t *header;
};

// The most entries that the second map can have more than e820_saved: 1 MiB cuts one
// entry, each region both sides of one.
#define SECOND_MORE 5

struct counts {
	unsigned int regions, with_low, extended;
	unsigned int avoided_ram; // maps in which crash memory keeps clear of RAM
};

static uint64_t end_of(const struct boot_e820_entry *entry)
{
	return entry->addr + entry->size;
}

static bool keeps_apart(uint32_t type)
{
	return type == 12 || type == LB_E820_SOFT_RESERVED;
}

static void check_tidy(const struct lb_e820 *map)
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

// Both are the same everywhere between two borders, so looking at the borders of both
// and one byte below each is looking everywhere.
static void check_saved_at(const struct world *world, uint64_t addr)
{
	check(strongest_type(world->saved.entries, world->saved.count, addr) ==
	      judge_type(world->judge, addr));
}

static void check_saved(const struct world *world)
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

static void check_place(const struct world *world, const struct lb_place_request *request,
			struct lb_range place)
{
	check(lb_range_size(place) == request->bytes);
	check(lb_aligned(place.start, request->align) && lb_aligned(place.end, 2 * LB_MIB));
	check(place.start >= request->min && place.end <= request->max);
	check(judge_all_ram(world->judge, place));
	check(!judge_avoided(request, place));
}

static struct lb_elfcore core_of(const struct world *world)
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

// Where the map has no place for a low region there is none; below 4 GiB none is needed.
static void check_regions(const struct world *world)
{
	check_place(world, &world->request, world->region);
	if (lb_range_empty(world->low))
		return;
	check(world->region.end > LB_4GIB && world->low.end <= LB_4GIB);
	check_place(world, &world->low_request, world->low);
	check(!lb_range_overlaps(world->low, world->region));
}

static void check_layout(const struct world *world)
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

// RAM is what was RAM below 1 MiB, the region's RAM part and the low region, the other RAM
// is reserved, all else is as it was.
static void check_second_at(const struct world *world, uint64_t addr)
{
	uint32_t wanted = judge_type(world->judge, addr);
	bool in_ram = (addr >= world->layout.ram.start && addr < world->layout.ram.end) ||
		      (addr >= world->low.start && addr < world->low.end);

	if (wanted == LB_E820_RAM && addr >= LB_LOW_END && !in_ram)
		wanted = LB_E820_RESERVED;
	check(strongest_type(world->second.entries, world->second.count, addr) == wanted);
}

static void check_second(const struct world *world)
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

// Zero page and SETUP_E820_EXT together are the second map, in order.
static void check_boot_params(const struct world *world)
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

static const struct lb_swap_range *find_swap(const struct world *world, uint64_t phys)
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

// The list covers each whole page of low RAM once and no other page; the backups are
// one after the other.
static void check_swap(const struct world *world)
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

static void check_load(const struct world *world, const Elf64_Phdr *phdr, uint64_t reached)
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

// The core header's RAM and crash memory are all RAM there is, to the byte: its pieces
// are RAM, outside of the region, do not overlap, and the sums are equal.
static void check_core(const struct world *world)
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

static bool crosses_gib(struct lb_range range)
{
	return range.start >> 30 != (range.end - 1) >> 30;
}

// Both roots map the low 1 MiB and the region, one to one, and nothing else; a region
// shorter than 1 GiB takes as many tables wherever it lies.
static void check_tables(const struct world *world)
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

// Tables that map all of the map's RAM, in bytes.
static uint64_t ram_tables(const struct world *world, bool gib_pages)
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

// The built-in capture kernel takes 16 MiB at most, whatever the machine, with 1 GiB pages
// or without; its heap is what was promised.
static void check_builtin(const struct world *world)
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

// All that must hold.
static void check_world(const struct world *world)
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

// The highest place of those that end at or little below `end`.
static void judge_places_below(const struct map_judge *judge, const struct lb_place_request *request,
			       uint64_t end, bool may_cross, struct lb_range *best)
{
	uint64_t start;

	if (end > request->max)
		end = request->max;
	if (end < LB_4GIB + request->bytes)
		return;
	start = lb_align_down(end - request->bytes, request->align);
	for (unsigned int step = 0; step < 512 && start >= request->min; step++, start -= request->align) {
		struct lb_range candidate = {start, start + request->bytes};

		if (start > best->start && (may_cross || !crosses_gib(candidate)) &&
		    judge_all_ram(judge, candidate) && !judge_avoided(request, candidate))
			*best = candidate;
	}
}

// Below 4 GiB every step is tried; above, the highest places of each stretch of RAM.
static struct lb_range judge_place(const struct map_judge *judge, const struct lb_place_request *request,
				   bool may_cross)
{
	struct lb_range best = {0, 0};

	for (uint64_t start = request->min; start + request->bytes <= LB_4GIB; start += request->align) {
		struct lb_range candidate = {start, start + request->bytes};

		if ((may_cross || !crosses_gib(candidate)) && judge_all_ram(judge, candidate) &&
		    !judge_avoided(request, candidate))
			best = candidate;
	}
	if (request->max <= LB_4GIB)
		return best;
	for (uint32_t i = 0; i < judge->count; i++)
		judge_places_below(judge, request, judge->borders[i], may_cross, &best);
	for (uint32_t i = 0; i < request->avoid_count; i++)
		judge_places_below(judge, request, request->avoid[i].start, may_cross, &best);
	return best;
}

// True when there is a place, and then it is the one that the judge finds.
static bool place(const struct world *world, const struct lb_place_request *request,
		  struct lb_range *ret_place)
{
	struct lb_error err = {""};
	struct lb_range wanted = {0, 0}, found = {0, 0};
	int failed = lb_place(&world->saved, request, NULL, NULL, &found, &err);

	if (request->bytes < LB_GIB)
		wanted = judge_place(world->judge, request, false);
	if (lb_range_empty(wanted))
		wanted = judge_place(world->judge, request, true);
	if (failed) {
		check(lb_range_empty(wanted));
		check(strstr(err.text, "largest RAM area"));
		return false;
	}
	check(found.start == wanted.start && found.end == wanted.end);
	*ret_place = found;
	return true;
}

// A region above 4 GiB gets a low one where the map has a place for it.
static void place_low(struct world *world)
{
	if (world->region.end <= LB_4GIB)
		return;
	world->low_request = world->request;
	world->low_request.bytes = LB_LAYOUT_LOW_BYTES;
	world->low_request.max = LB_4GIB;
	world->avoid[world->low_request.avoid_count++] = world->region;
	place(world, &world->low_request, &world->low);
}

// The second kernel is Debian's 6.1 for the cloud, its initrd 10 MiB.
static void plan(struct world *world)
{
	const struct lb_elfcore whole = {.saved = &world->saved, .spare = world->spare};
	const struct lb_range low = {0, LB_LOW_END};
	struct lb_error err = {""};

	world->need = (struct lb_layout_need){
		.kernel = 0x3378000,
		.initrd = 10 * LB_MIB,
		.setup_data = lb_bootparams_setup_data(world->saved.count + SECOND_MORE),
		.cmdline = 300,
		.page_tables = 64 * LB_KIB,
		.purgatory_text = 32 * LB_KIB,
		.purgatory_total = 128 * LB_KIB,
		.e820_saved = world->saved.count * sizeof(*world->saved.entries),
		// Cutting each region out of one RAM entry adds a piece at most.
		.elfcorehdr = lb_elfcore_bytes(&whole) + 2 * sizeof(Elf64_Phdr),
		.notes = lb_elfcore_notes_bytes(64),
		.backup = lb_e820_ram(&world->saved, low),
	};
	if (lb_layout(&world->need, world->region, &world->layout, &err))
		fail_msg("%s: %s", current, err.text);
}

// False when the map has no low RAM, which is refused.
static bool fill(struct world *world)
{
	static const struct lb_bzimage image = {
		.header = {.xloadflags = XLF_KERNEL_64 | XLF_CAN_BE_LOADED_ABOVE_4G},
		.init_size = 0x3378000,
		.alignment = 2 * LB_MIB,
		.min_address = 16 * LB_MIB,
	};
	const struct lb_bootparams_input input = {
		.image = &image,
		.layout = &world->layout,
		.initrd_bytes = 10 * LB_MIB,
		.map = &world->second,
	};
	struct lb_elfcore core;
	const struct lb_crash_regions regions = {world->region, world->layout.ram, world->low};
	struct lb_error err = {""};

	if (lb_e820_second(&world->saved, &regions, &world->second, &err) != 0) {
		check(strstr(err.text, "no RAM below 1 MiB"));
		check(lb_e820_ram(&world->saved, (struct lb_range){0, LB_LOW_END}) == 0);
		return false;
	}
	if (lb_bootparams_build(&input, &world->params, world->setup_data, &err) != 0 ||
	    lb_elfcore_swap(&world->saved, world->layout.backup, world->swap, LB_MAX_SWAP_RANGES,
			    &world->swap_count, &err) != 0)
		fail_msg("%s: %s", current, err.text);
	core = core_of(world);
	if (lb_elfcore_template(&core, world->header, lb_range_size(world->layout.elfcorehdr), &err) != 0)
		fail_msg("%s: %s", current, err.text);
	return true;
}

// One region of one map. Counts what was found and checked whole.
static void run_region(const struct map_judge *judge, const struct lb_e820 *saved, const struct lb_srat *srat,
		       uint64_t bytes, uint64_t max, struct counts *counts)
{
	struct world world = {
		.judge = judge,
		.saved = *saved,
		.request = {.bytes = bytes, .align = 2 * LB_MIB, .min = 16 * LB_MIB, .max = max},
		.spare = srat->count ? LB_HOTADD_SLOTS : 0,
	};

	world.request.avoid = world.avoid;
	world.request.avoid_count = lb_srat_avoid(srat, world.avoid);
	if (!place(&world, &world.request, &world.region))
		return;
	place_low(&world);
	plan(&world);
	// Exactly as large as they were planned, so that a write beyond is seen.
	world.second.capacity = saved->count + SECOND_MORE;
	world.second.entries = allocate(world.second.capacity * sizeof(*world.second.entries));
	world.setup_data = allocate(lb_range_size(world.layout.setup_data));
	world.header = allocate(lb_range_size(world.layout.elfcorehdr));
	if (fill(&world)) {
		check_world(&world);
		counts->regions++;
		counts->with_low += !lb_range_empty(world.low);
		counts->extended += world.second.count > 128;
	}
	free(world.second.entries);
	free(world.setup_data);
	free(world.header);
}

// All regions of one tidy map.
static void run_map(const struct map_judge *judge, struct lb_e820 *saved, const struct lb_srat *srat,
		    struct counts *counts)
{
	static const uint64_t sizes[] = {64 * LB_MIB + 22 * LB_MIB, 128 * LB_MIB, 256 * LB_MIB, LB_GIB};
	const struct world world = {.judge = judge, .saved = *saved};

	check_saved(&world);
	lb_e820_seal(saved);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		run_region(judge, saved, srat, sizes[i], LB_4GIB, counts);
		run_region(judge, saved, srat, sizes[i], 128 * LB_TIB, counts);
	}
}

static bool avoids_ram(const struct lb_e820 *saved, const struct lb_srat *srat)
{
	struct lb_range avoid[LB_SRAT_MAX_RANGES];
	uint64_t ram = 0;

	for (uint32_t i = lb_srat_avoid(srat, avoid); i > 0; i--)
		ram += lb_e820_ram(saved, avoid[i - 1]);
	return ram > 0;
}

// The marked ranges of a boot log's SRAT lines.
static struct lb_srat srat_of(const struct map_file *file)
{
	struct lb_srat srat = {0};

	for (uint32_t i = 0; i < file->srat_count; i++) {
		const struct map_srat *line = &file->srat[i];

		if (!line->hotplug && !line->nonvolatile)
			continue;
		check(srat.count < LB_SRAT_MAX_RANGES);
		srat.ranges[srat.count++] =
			(struct lb_srat_range){line->range, line->hotplug, line->nonvolatile};
	}
	return srat;
}

static void run_e820(const struct map_file *file, struct counts *counts)
{
	const struct lb_srat srat = srat_of(file);
	struct map_judge judge = judge_of(file->entries, file->count);
	struct lb_e820 saved = {.capacity = 2 * file->count};
	struct lb_error err = {""};

	saved.entries = allocate(saved.capacity * sizeof(*saved.entries));
	for (uint32_t i = 0; i < file->count; i++) {
		const struct boot_e820_entry *entry = &file->entries[i];

		if (lb_e820_add(&saved, (struct lb_range){entry->addr, end_of(entry)}, entry->type, &err))
			fail_msg("%s: %s", current, err.text);
	}
	if (lb_e820_tidy(&saved, &err))
		fail_msg("%s: %s", current, err.text);
	run_map(&judge, &saved, &srat, counts);
	counts->avoided_ram += avoids_ram(&saved, &srat);
	free(saved.entries);
	free_judge(&judge);
}

static void run_uefi(const struct map_file *file, struct counts *counts)
{
	const struct lb_srat none = {0};
	struct boot_e820_entry *raw = allocate(file->uefi_count * sizeof(*raw));
	struct lb_e820 saved = {.capacity = file->uefi_count};
	struct lb_error err = {""};
	struct map_judge judge;

	for (uint32_t i = 0; i < file->uefi_count; i++) {
		const struct lb_uefi_range *uefi = &file->uefi[i];

		raw[i].addr = uefi->phys;
		raw[i].size = uefi->pages * LB_PAGE;
		raw[i].type = lb_e820_type_of_uefi(uefi->type, uefi->attribute);
	}
	judge = judge_of(raw, file->uefi_count);
	saved.entries = allocate(saved.capacity * sizeof(*saved.entries));
	if (lb_e820_from_uefi(&saved, file->uefi, file->uefi_count, &err))
		fail_msg("%s: %s", current, err.text);
	run_map(&judge, &saved, &none, counts);
	free(saved.entries);
	free_judge(&judge);
	free(raw);
}

// Every map of a folder; the number of maps. -1 when there is no such folder.
static int run_folder(const char *folder, struct counts *ret_counts)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, alphasort);
	struct counts counts = {0};
	int maps = 0;

	for (int i = 0; i < count; i++) {
		const char *ending = strrchr(names[i]->d_name, '.');
		struct map_file file;
		char error[512];
		char path[1024];

		if (ending && (strcmp(ending, ".e820") == 0 || strcmp(ending, ".efimap") == 0)) {
			snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
			current = path;
			if (map_file_read(path, &file, error, sizeof(error)))
				fail_msg("%s", error);
			if (file.uefi_count)
				run_uefi(&file, &counts);
			else
				run_e820(&file, &counts);
			map_file_free(&file);
			maps++;
		}
		free(names[i]);
	}
	if (count < 0)
		return -1;
	free(names);
	print_message("%s: %d maps, %u regions, %u of them with a low one, %u with more than 128 entries\n",
		      folder, maps, counts.regions, counts.with_low, counts.extended);
	check(maps == 0 || counts.regions > 0);
	*ret_counts = counts;
	return maps;
}

static void test_own_maps(void **state)
{
	struct counts counts;

	(void)state;
	current = OWN_MAPS;
	check(run_folder(OWN_MAPS, &counts) >= OWN_MAPS_MIN);
	check(counts.avoided_ram == 1 && counts.with_low > 0 && counts.extended > 0);
}

// No machine is known that marks RAM which is there at boot, but those that mark all of it.
static void run_real(const char *folder)
{
	struct counts counts;
	int maps = run_folder(folder, &counts);

	if (maps < 0) {
		print_message("%s: no such folder (LIFEBOAT_MAPS names another): skipped\n", folder);
		skip();
	}
	current = folder;
	check(maps > 0 && counts.avoided_ram == 0);
}

static const char *real_folder(void)
{
	const char *folder = getenv("LIFEBOAT_MAPS");

	return folder && *folder ? folder : REAL_MAPS;
}

static void test_real_e820_maps(void **state)
{
	(void)state;
	run_real(real_folder());
}

static void test_real_uefi_maps(void **state)
{
	char folder[1024];

	(void)state;
	snprintf(folder, sizeof(folder), "%s/../efi", real_folder());
	run_real(folder);
}

// What each file of ours was made for is in it.
static void test_own_maps_say_what_they_should(void **state)
{
	static const struct {
		const char *path;
		uint32_t entries, srat;
		bool hotplug;
	} wanted[] = {
		{OWN_MAPS "/many.e820", 200, 0, false},   {OWN_MAPS "/terabytes.e820", 12, 8, false},
		{OWN_MAPS "/hotplug.e820", 6, 5, true},   {OWN_MAPS "/hotplug-ram.e820", 7, 7, true},
		{OWN_MAPS "/server.e820", 300, 69, true},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct map_file file;
		char error[512];
		bool hotplug = false;

		current = wanted[i].path;
		if (map_file_read(current, &file, error, sizeof(error)))
			fail_msg("%s", error);
		check(file.count >= wanted[i].entries && file.srat_count == wanted[i].srat);
		for (uint32_t j = 0; j < file.srat_count; j++)
			hotplug |= file.srat[j].hotplug;
		check(hotplug == wanted[i].hotplug);
		map_file_free(&file);
	}
}

// The reader itself: errors have the line's number.
static void test_reader_refuses(void **state)
{
	static const char *const bad[] = {
		"0x0 0xfff usable\n0x1000 0x1fff\n",
		"# nothing\n0x2000 0x1fff usable\n",
		"\n0x1000 0x1fff useable\n",
		"\n0x0 0xffffffffffffffff usable\n",
		"\nSRAT 0 0 0x1000\n",
		"\nwhatever\n",
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char path[] = "/tmp/lifeboat-map-XXXXXX";
		int fd = mkstemp(path);
		FILE *stream = fd < 0 ? NULL : fdopen(fd, "w");
		struct map_file file;
		char error[512] = "";
		int result;

		assert_non_null(stream);
		fputs(bad[i], stream);
		fclose(stream);
		result = map_file_read(path, &file, error, sizeof(error));
		remove(path);
		assert_int_equal(result, -1);
		if (!strstr(error, ":2: not a line"))
			fail_msg("%s", error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_maps),       cmocka_unit_test(test_own_maps_say_what_they_should),
		cmocka_unit_test(test_real_e820_maps), cmocka_unit_test(test_real_uefi_maps),
		cmocka_unit_test(test_reader_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
