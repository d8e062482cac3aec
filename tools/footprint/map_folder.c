// SPDX-License-Identifier: BSD-2-Clause
#include "tools/footprint/map_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/plan/e820.h"

#define ENTRIES_MAX 65536U // Linux's own table ends long before

// The types that arch/x86/kernel/e820.c gives to firmware_map_add_early().
static const struct type_name sysfs_types[] = {
	{"System RAM", LB_E820_RAM},
	{"Reserved", LB_E820_RESERVED},
	{"reserved", LB_E820_RESERVED}, // before Linux 4.12
	{"Unknown E820 type", LB_E820_RESERVED},
	{"ACPI Tables", LB_E820_ACPI},
	{"ACPI Non-volatile Storage", LB_E820_NVS},
	{"Unusable memory", LB_E820_UNUSABLE},
	{"Persistent Memory", LB_E820_PMEM},
	{"Persistent Memory (legacy)", 12},
	{"Soft Reserved", LB_E820_SOFT_RESERVED},
	{NULL, 0},
};

// The one line of FOLDER/NUMBER/NAME, without its newline.
static int read_attribute(const struct place *folder, unsigned int number, const char *name, char *ret_line,
			  size_t bytes)
{
	char path[4096];
	struct place at = {path, 0, folder->err};
	FILE *file;
	char *line;

	if (snprintf(path, sizeof(path), "%s/%u/%s", folder->path, number, name) >= (int)sizeof(path))
		return place_fail(folder, "its path is too long");
	file = fopen(path, "r");
	if (!file)
		return place_fail(&at, "cannot be opened: %s", strerror(errno));
	line = fgets(ret_line, (int)bytes, file);
	fclose(file);
	at.line = 1;
	if (!line || line[0] == '\n')
		return place_fail(&at, "empty");
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

static int read_address(const struct place *folder, unsigned int number, const char *name,
			uint64_t *ret_value)
{
	char line[128];
	const char *rest;

	if (read_attribute(folder, number, name, line, sizeof(line)) != 0)
		return -1;
	rest = map_line_hex(line, ret_value);
	if (rest && *rest == '\0')
		return 0;
	snprintf(folder->err->text, sizeof(folder->err->text),
		 "%s/%u/%s:1: '%.40s' is no hexadecimal address", folder->path, number, name, line);
	return -1;
}

static int read_numbered(const struct place *folder, unsigned int number, struct source *source)
{
	char path[4096], line[128];
	struct place at = {path, 1, folder->err};
	uint64_t start, last;
	uint32_t type;

	if (read_address(folder, number, "start", &start) != 0)
		return -1;
	if (read_address(folder, number, "end", &last) != 0 ||
	    read_attribute(folder, number, "type", line, sizeof(line)) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%u/type", folder->path, number);
	if (map_line_type(&at, sysfs_types, line, &type) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%u/end", folder->path, number);
	return map_line_add(source, &at, start, last, type);
}

static int by_number(const void *one, const void *other)
{
	const unsigned int a = *(const unsigned int *)one, b = *(const unsigned int *)other;

	return (a > b) - (a < b);
}

// The folder's numbers; others' names are an error. *ret_numbers is the caller's to free.
static int list_numbers(const struct place *folder, unsigned int **ret_numbers, unsigned int *ret_count)
{
	DIR *dir = opendir(folder->path);
	struct dirent *entry;
	unsigned int *numbers = calloc(ENTRIES_MAX, sizeof(*numbers)), count = 0;
	int result = 0;

	if (!dir || !numbers)
		result = place_fail(folder, "cannot be opened: %s", dir ? "no memory" : strerror(errno));
	while (result == 0 && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		const size_t digits = strspn(name, "0123456789");

		if (name[0] == '.')
			continue;
		if (name[digits] != '\0' || digits > 9)
			result = place_fail(
				folder,
				"'%.40s' is no numbered folder, as /sys/firmware/memmap has them: want "
				"that folder, or a boot log",
				name);
		else if (count == ENTRIES_MAX)
			result = place_fail(folder, "more than %u entries", ENTRIES_MAX);
		else
			numbers[count++] = (unsigned int)strtoul(name, NULL, 10);
	}
	if (dir)
		closedir(dir);
	if (count)
		qsort(numbers, count, sizeof(*numbers), by_number);
	*ret_numbers = numbers;
	*ret_count = count;
	return result;
}

// Numbers have gaps where memory was unplugged since.
int map_folder_read(const struct place *at, struct source *source)
{
	unsigned int *numbers, count;
	int result = list_numbers(at, &numbers, &count);

	for (unsigned int i = 0; i < count && result == 0; i++)
		result = read_numbered(at, numbers[i], source);
	free(numbers);
	if (result == 0 && !count)
		return place_fail(
			at,
			"no memory map in it: want the folder /sys/firmware/memmap, with the folders 0, 1 "
			"and so on in it, or a boot log");
	return result;
}
