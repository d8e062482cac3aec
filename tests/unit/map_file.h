// SPDX-License-Identifier: BSD-2-Clause
// Readers of memory maps in text form, for tests.
//
//   .e820    START END TYPE, hex, both inclusive; TYPE as some Linux printed it.
//            SRAT NODE PXM START END [hotplug] [non-volatile]
//   .efimap  START END TYPE |attributes|, one UEFI descriptor each
//
// '#' begins a comment line. Order is kept. Errors name the file and the line.
#ifndef LIFEBOAT_TESTS_UNIT_MAP_FILE_H
#define LIFEBOAT_TESTS_UNIT_MAP_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/plan/e820_uefi.h"
#include "unit.h"

struct map_srat {
	struct lb_range range;
	bool hotplug, nonvolatile;
};

struct map_file {
	struct boot_e820_entry *entries; // allocated with malloc(), like the next two
	uint32_t count;
	struct map_srat *srat;
	uint32_t srat_count;
	struct lb_uefi_range *uefi; // of an .efimap file, which has nothing else
	uint32_t uefi_count;
};

struct map_name {
	const char *text;
	uint32_t type;
};

static inline void map_file_free(struct map_file *map)
{
	free(map->entries);
	free(map->srat);
	free(map->uefi);
	*map = (struct map_file){0};
}

// Enlarges `array` of `count` elements by one element of `bytes` bytes.
static inline void *map_grow(void *array, uint32_t count, size_t bytes)
{
	void *grown = realloc(array, (count + 1) * bytes);

	if (!grown)
		abort();
	return grown;
}

static inline bool map_type(const struct map_name *names, const char *text, size_t bytes, uint32_t *ret_type)
{
	for (; names->text; names++) {
		if (strlen(names->text) == bytes && strncmp(names->text, text, bytes) == 0) {
			*ret_type = names->type;
			return true;
		}
	}
	return sscanf(text, "type %u", ret_type) == 1 || sscanf(text, "type=%u", ret_type) == 1 ||
	       sscanf(text, "persistent (type %u)", ret_type) == 1;
}

// Reads START END, both inclusive, into a range [start, end). *ret_rest is the text behind.
static inline bool map_range(const char *line, struct lb_range *ret_range, const char **ret_rest)
{
	unsigned long start, last;
	int used = 0;

	if (sscanf(line, "%lx %lx %n", &start, &last, &used) != 2 || used == 0 || last < start ||
	    last == UINT64_MAX)
		return false;
	*ret_range = (struct lb_range){start, last + 1};
	*ret_rest = line + used;
	return true;
}

static inline bool map_srat_line(struct map_file *map, const char *line)
{
	struct map_srat srat = {0};
	const char *rest;
	int used = 0;

	if (sscanf(line, "SRAT %*u %*u %n", &used) == EOF || used == 0 ||
	    !map_range(line + used, &srat.range, &rest))
		return false;
	srat.hotplug = strstr(rest, "hotplug") != NULL;
	srat.nonvolatile = strstr(rest, "non-volatile") != NULL;
	map->srat = map_grow(map->srat, map->srat_count, sizeof(*map->srat));
	map->srat[map->srat_count++] = srat;
	return true;
}

static inline bool map_e820_line(struct map_file *map, const char *line)
{
	static const struct map_name names[] = {
		{"usable", LB_E820_RAM},
		{"System RAM", LB_E820_RAM},
		{"reserved", LB_E820_RESERVED},
		{"device reserved", LB_E820_RESERVED},
		{"ACPI data", LB_E820_ACPI},
		{"ACPI NVS", LB_E820_NVS},
		{"unusable", LB_E820_UNUSABLE},
		{"soft reserved", LB_E820_SOFT_RESERVED},
		{NULL, 0},
	};
	struct lb_range range;
	const char *rest;
	uint32_t type;

	if (strncmp(line, "SRAT", 4) == 0)
		return map_srat_line(map, line);
	if (!map_range(line, &range, &rest) || !map_type(names, rest, strcspn(rest, "\n"), &type))
		return false;
	map->entries = map_grow(map->entries, map->count, sizeof(*map->entries));
	map->entries[map->count++] = (struct boot_e820_entry){range.start, lb_range_size(range), type};
	return true;
}

static inline bool map_efi_line(struct map_file *map, const char *line)
{
	static const struct map_name names[] = {
		{"Reserved", 0},   {"Loader Code", 1},  {"Loader Data", 2},   {"Boot Code", 3},
		{"Boot Data", 4},  {"Runtime Code", 5}, {"Runtime Data", 6},  {"Conventional", 7},
		{"Unusable", 8},   {"ACPI Reclaim", 9}, {"ACPI Mem NVS", 10}, {"MMIO", 11},
		{"MMIO Port", 12}, {"PAL Code", 13},    {"Persistent", 14},   {NULL, 0},
	};
	struct lb_uefi_range uefi = {0};
	struct lb_range range;
	const char *rest;
	size_t bytes;

	if (!map_range(line, &range, &rest))
		return false;
	bytes = strcspn(rest, "|\n");
	while (bytes > 0 && rest[bytes - 1] == ' ')
		bytes--;
	if (!map_type(names, rest, bytes, &uefi.type))
		return false;
	uefi.phys = range.start;
	uefi.pages = lb_range_size(range) / LB_PAGE;
	map->uefi = map_grow(map->uefi, map->uefi_count, sizeof(*map->uefi));
	map->uefi[map->uefi_count++] = uefi;
	return true;
}

// Returns 0, or -1 with the reason in `error` and nothing to free.
static inline int map_file_read(const char *path, struct map_file *ret_map, char *error, size_t error_bytes)
{
	const char *ending = strrchr(path, '.');
	bool efi = ending && strcmp(ending, ".efimap") == 0;
	struct map_file map = {0};
	FILE *file = fopen(path, "r");
	char line[512];
	bool good = true;

	if (!file) {
		snprintf(error, error_bytes, "%s: cannot be opened", path);
		return -1;
	}
	for (unsigned int number = 1; good && fgets(line, sizeof(line), file); number++) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		good = efi ? map_efi_line(&map, line) : map_e820_line(&map, line);
		if (!good)
			snprintf(error, error_bytes, "%s:%u: not a line of such a map: %.60s", path, number,
				 line);
	}
	fclose(file);
	if (good && map.count + map.uefi_count == 0) {
		snprintf(error, error_bytes, "%s: no entries", path);
		good = false;
	}
	if (!good) {
		map_file_free(&map);
		return -1;
	}
	*ret_map = map;
	return 0;
}

#endif
