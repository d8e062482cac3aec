// SPDX-License-Identifier: BSD-2-Clause
// Reads a dump with libkdumpfile and drgn, by tests/unit/read_back.py, and compares every page with the
// machine's. Included after fake_machine.h.
#ifndef LIFEBOAT_TESTS_UNIT_READ_BACK_H
#define LIFEBOAT_TESTS_UNIT_READ_BACK_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

#define READ_BACK_KDUMP "diskdump" // the formats' names in libkdumpfile
#define READ_BACK_ELF "elf"

static inline void read_back_save(const char *folder, const char *name, const void *data, uint64_t bytes)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, bytes, file), bytes);
	assert_int_equal(fclose(file), 0);
}

// Writes pages.txt: for each page of RAM its address, and its offset in pages.bin or "-".
static inline void read_back_pages(const char *folder, const struct machine *machine,
				   bool (*is_there)(uint64_t pfn))
{
	char *lines = malloc(machine->ram.pages * 48);
	uint8_t *pages = malloc(machine->ram.pages * LB_PAGE);
	uint64_t length = 0, bytes = 0;

	assert_non_null(lines);
	assert_non_null(pages);
	for (uint64_t pfn = 0; pfn < machine->ram.max_pfn; pfn++) {
		const uint8_t *page = machine_page(machine, pfn);

		if (!page)
			continue;
		if (!is_there(pfn)) {
			length += (uint64_t)sprintf(lines + length, "%lu -\n", pfn * 4096);
			continue;
		}
		length += (uint64_t)sprintf(lines + length, "%lu %lu\n", pfn * 4096, bytes);
		memcpy(pages + bytes, page, LB_PAGE);
		bytes += LB_PAGE;
	}
	read_back_save(folder, "pages.txt", lines, length);
	read_back_save(folder, "pages.bin", pages, bytes);
	free(lines);
	free(pages);
}

// Reads the dump back. `is_there` says of a page of RAM whether its content is in the file.
static inline void read_back_file(const void *file, uint64_t bytes, const struct machine *machine,
				  bool (*is_there)(uint64_t pfn), const char *format)
{
	char folder[] = "/tmp/lifeboat-read-back.XXXXXX", command[512];
	int status;

	assert_non_null(mkdtemp(folder));
	read_back_save(folder, "dump", file, bytes);
	read_back_pages(folder, machine, is_there);
	// The reader's libraries do not work with the sanitizers' allocator, so the reader is a program of
	// its own.
	snprintf(command, sizeof(command), "/usr/bin/python3 tests/unit/read_back.py %s %s", folder, format);
	status = system(command);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(status, 0);
}

#endif
