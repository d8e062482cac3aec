// SPDX-License-Identifier: BSD-2-Clause
#include "loader/hook/late_words.h"

#include "crash/plan/cmdline.h"
#include "crash/plan/late_line.h"
#include "lib/mem.h"

#define LINES_MAX_ADDRESS (LB_4GIB - 1) // a kernel entered in 32-bit mode reads them, too
#define LINES_PAGES lb_pages(sizeof(struct lb_late_lines))
#define MAP_MIN_BYTES (64 * LB_KIB)
#define MAP_GROWTH 4 // a boot loader allocates between arming and ExitBootServices
#define MEMORY_SP (1ULL << 18) // EFI_MEMORY_SP: specific purpose, UEFI 2.10, 7.2.3

static EFI_SYSTEM_TABLE *firmware;
static uint32_t words;
static struct lb_late_lines *lines;
static void *map;
static UINTN map_room, descriptor_bytes;
static struct lb_range *ranges; // of loaders, inside `map`
static uint32_t range_count;
static bool soft_reserved; // there is memory for a specific purpose
static struct lb_found_linuxes found; // they use our line

static EFI_STATUS read_map(UINTN *ret_bytes)
{
	UINT32 version;
	UINTN key;

	*ret_bytes = map_room;
	return firmware->BootServices->GetMemoryMap(ret_bytes, map, &key, &descriptor_bytes, &version);
}

static void add_range(struct lb_range range)
{
	if (range_count > 0 && ranges[range_count - 1].end == range.start)
		ranges[range_count - 1].end = range.end;
	else
		ranges[range_count++] = range;
}

// Reads the firmware's map and lists the loaders' ranges in it. The list overwrites the map.
static bool list_ranges(void)
{
	UINTN bytes;

	range_count = 0;
	soft_reserved = false;
	if (EFI_ERROR(read_map(&bytes)) || descriptor_bytes < sizeof(EFI_MEMORY_DESCRIPTOR))
		return false;
	ranges = map;
	for (UINTN at = 0; at + descriptor_bytes <= bytes; at += descriptor_bytes) {
		EFI_MEMORY_DESCRIPTOR entry;
		struct lb_range range;

		memcpy(&entry, (const uint8_t *)map + at, sizeof(entry));
		if (entry.Type == EfiConventionalMemory && entry.Attribute & MEMORY_SP)
			soft_reserved = true;
		range.start = entry.PhysicalStart;
		if (__builtin_add_overflow(range.start, entry.NumberOfPages * LB_PAGE, &range.end))
			return false;
		if (entry.Type == EfiLoaderCode || entry.Type == EfiLoaderData)
			add_range(range);
	}
	return true;
}

static EFI_STATUS allocate(void)
{
	EFI_BOOT_SERVICES *bs = firmware->BootServices;
	EFI_PHYSICAL_ADDRESS address = LINES_MAX_ADDRESS;
	UINTN bytes;
	EFI_STATUS status = bs->AllocatePages(AllocateMaxAddress, EfiLoaderData, LINES_PAGES, &address);

	if (EFI_ERROR(status))
		return status;
	lines = (struct lb_late_lines *)(uintptr_t)address;
	map_room = 0;
	read_map(&bytes); // fails, and returns the size that is needed
	map_room = bytes * MAP_GROWTH < MAP_MIN_BYTES ? MAP_MIN_BYTES : bytes * MAP_GROWTH;
	return bs->AllocatePool(EfiBootServicesData, map_room, &map);
}

EFI_STATUS lb_late_words_prepare(EFI_SYSTEM_TABLE *table, UINT32 wanted)
{
	EFI_STATUS status;

	firmware = table;
	words = wanted;
	if (!words)
		return EFI_SUCCESS;
	status = allocate();
	if (EFI_ERROR(status))
		lb_late_words_forget();
	return status;
}

bool lb_late_words_give(void)
{
	struct lb_find_system system = {.table = (uintptr_t)firmware};
	struct lb_found_linuxes now = {.count = 0};

	if (!words)
		return true;
	if (!list_ranges())
		return false;
	system.descriptor_bytes = (uint32_t)descriptor_bytes;
	lb_find_linux(&system, ranges, range_count, &now);
	if (lb_late_line_make(&now, words, lines) != 0)
		return false;
	// The sealed map calls this memory reserved, and this kernel uses it as RAM.
	if (soft_reserved && lb_cmdline_nosoftreserve(lines->line))
		return false;
	lb_late_line_give(&now, lines->line);
	found = now;
	return true;
}

void lb_late_words_take_back(void)
{
	if (found.count > 0 && list_ranges())
		lb_late_line_take_back(&found, lines->line, ranges, range_count);
}

void lb_late_words_forget(void)
{
	lb_late_words_take_back();
	if (map)
		firmware->BootServices->FreePool(map);
	if (lines)
		firmware->BootServices->FreePages((uintptr_t)lines, LINES_PAGES);
	map = NULL;
	lines = NULL;
	found.count = 0;
	words = 0;
}
