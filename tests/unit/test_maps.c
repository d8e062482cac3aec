// SPDX-License-Identifier: BSD-2-Clause
// Whole memory maps go through all rules of crash/: tidy, place, layout, the second kernel's map,
// boot_params, swap list, ELF core header, page tables. map_judge.h says what must hold. The maps in
// tests/data/maps are always used. Those of real machines are used if their folder exists: LIFEBOAT_MAPS
// (../shared/data/e820 unless set), and efi/ beside it.
#include <dirent.h>

#include "map_judge.h"

#include "crash/plan/hotplug.h"
#include "map_file.h"

#define OWN_MAPS "tests/data/maps"
#define REAL_MAPS "../shared/data/e820"
#define OWN_MAPS_MIN 16

struct counts {
	unsigned int regions, with_low, extended;
	unsigned int avoided_ram; // maps in which crash memory avoids some RAM
};

// Returns the highest place among those that end at `end` or a little below.
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

// Below 4 GiB every step is tried. Above, the highest places of each stretch of RAM are tried.
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

// Places the region, and compares with the judge's place. True if there is a place.
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

// Gives a region above 4 GiB a low region, if the map has a place for it.
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

// Plans for Debian's 6.1 cloud kernel with an initrd of 10 MiB.
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
		// Each region is cut out of one RAM entry, which adds one entry at most.
		.elfcorehdr = lb_elfcore_bytes(&whole) + 2 * sizeof(Elf64_Phdr),
		.notes = lb_elfcore_notes_bytes(64),
		.backup = lb_e820_ram(&world->saved, low),
	};
	if (lb_layout(&world->need, world->region, &world->layout, &err))
		fail_msg("%s: %s", current, err.text);
}

// Fills in everything. False if the map has no low RAM, which is refused.
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

// Runs one region of one map, and counts what was checked whole.
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
	// The buffers have exactly the planned size, so that ASan sees a write beyond it.
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

// Runs all regions of one tidy map.
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

// Returns the hot-pluggable ranges of a boot log's SRAT lines.
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

// Runs every map of a folder; returns their number, or -1 if the folder does not exist.
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
	print_message(
		"%s: %d maps, %u regions, %u of them with a low region, %u with more than 128 entries\n",
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

// No known real machine marks only part of the RAM present at boot as hot-pluggable. So crash memory avoids
// none.
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

// Each file of tests/data/maps has the property that it was made for.
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

// The reader's errors name the line.
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
