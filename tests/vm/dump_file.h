// SPDX-License-Identifier: BSD-2-Clause
// A dump, ELF or kdump-compressed, as the dead machine's memory and its notes, for programs that do
// with it what the capture kernel does with RAM. For dumps that our tests made, not hostile ones: what
// is wrong with one ends the program.
#ifndef LIFEBOAT_TESTS_VM_DUMP_FILE_H
#define LIFEBOAT_TESTS_VM_DUMP_FILE_H

#include <elf.h>
#include <fcntl.h>
#include <libkdumpfile/kdumpfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash/dead/deadmem.h"

// The cache of libkdumpfile 0.5.1 crashes when it must throw pages out in some orders: let it never.
#define DUMP_PAGES_MAX 131072

struct dump_file {
	const char *path;
	int descriptor;
	kdump_ctx_t *pages;
	uint8_t page[LB_PAGE]; // the last one
	const uint8_t *data; // all of the file
	uint64_t bytes;
	const uint8_t *notes;
	uint64_t note_bytes;
};

static inline void dump_fail(const struct dump_file *file, const char *what)
{
	fprintf(stderr, "%s: %s\n", file->path, what);
	exit(2);
}

static inline uint64_t dump_number(const struct dump_file *file, uint64_t at, unsigned int bytes)
{
	uint64_t number = 0;

	if (at > file->bytes - bytes)
		dump_fail(file, "is too short");
	memcpy(&number, file->data + at, bytes);
	return number;
}

// As struct lb_physmem has it; NULL also for a page that was left out.
static inline const void *dump_page(void *ctx, uint64_t phys)
{
	struct dump_file *file = ctx;
	size_t bytes = LB_PAGE;

	if (kdump_read(file->pages, KDUMP_MACHPHYSADDR, phys, file->page, &bytes) != KDUMP_OK ||
	    bytes != LB_PAGE)
		return NULL;
	return file->page;
}

// libkdumpfile does not hand out notes that it does not know.
static inline void dump_find_notes(struct dump_file *file)
{
	bool is_kdump = memcmp(file->data, "KDUMP   ", 8) == 0;
	uint64_t header = is_kdump ? LB_PAGE + 48 : sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_offset);
	uint64_t size = is_kdump ? LB_PAGE + 56 : sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_filesz);
	uint64_t notes = dump_number(file, header, 8);

	file->note_bytes = dump_number(file, size, 8);
	if (!is_kdump && dump_number(file, sizeof(Elf64_Ehdr), 4) != PT_NOTE)
		dump_fail(file, "does not begin with its notes");
	if (notes > file->bytes || file->note_bytes > file->bytes - notes)
		dump_fail(file, "ends before its notes");
	file->notes = file->data + notes;
}

static inline void dump_open(struct dump_file *file, const char *path)
{
	struct stat status;
	void *data;

	*file = (struct dump_file){.path = path, .descriptor = open(path, O_RDONLY)};
	if (file->descriptor < 0 || fstat(file->descriptor, &status) || status.st_size < 2 * (off_t)LB_PAGE)
		dump_fail(file, "cannot be read");
	file->bytes = (uint64_t)status.st_size;
	data = mmap(NULL, file->bytes, PROT_READ, MAP_PRIVATE, file->descriptor, 0);
	if (data == MAP_FAILED)
		dump_fail(file, "cannot be mapped");
	file->data = data;
	dump_find_notes(file);
	file->pages = kdump_new();
	if (!file->pages ||
	    kdump_set_number_attr(file->pages, KDUMP_ATTR_FILE_FD, (kdump_num_t)file->descriptor) != KDUMP_OK)
		dump_fail(file, file->pages ? kdump_get_err(file->pages) : "no memory");
	if (kdump_set_number_attr(file->pages, "cache.size", DUMP_PAGES_MAX) != KDUMP_OK)
		dump_fail(file, kdump_get_err(file->pages));
}

static inline void dump_close(struct dump_file *file)
{
	kdump_free(file->pages);
	munmap((void *)(uintptr_t)file->data, file->bytes);
	close(file->descriptor);
}

// The contents of note number `index` of this name and type; NULL when there are not so many.
static inline const void *dump_note(const struct dump_file *file, const char *name, uint32_t type,
				    uint32_t index, uint32_t *ret_bytes)
{
	uint64_t at = 0;

	while (file->note_bytes - at >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *note = (const void *)(file->notes + at);
		uint64_t desc = at + sizeof(*note) + lb_align_up(note->n_namesz, 4);

		at = desc + lb_align_up(note->n_descsz, 4);
		if (at > file->note_bytes)
			break;
		if (note->n_type != type || note->n_namesz != strlen(name) + 1 ||
		    memcmp(note + 1, name, note->n_namesz) != 0 || index-- > 0)
			continue;
		*ret_bytes = note->n_descsz;
		return file->notes + desc;
	}
	return NULL;
}

// What the capture kernel knows of the dead one's address space: the page tables of VMCOREINFO.
static inline void dump_space(const struct dump_file *file, const struct lb_physmem *mem,
			      struct lb_deadspace *ret_space)
{
	uint64_t swapper = 0, phys_base = 0, la57 = 0;
	struct lb_deadspace space = {.mem = mem, .phys_bits = 52};

	space.vmcoreinfo.text = dump_note(file, "VMCOREINFO", 0, 0, &space.vmcoreinfo.bytes);
	if (!space.vmcoreinfo.text)
		dump_fail(file, "has no VMCOREINFO");
	if (!lb_vmcoreinfo_number(&space.vmcoreinfo, "SYMBOL(swapper_pg_dir)=", 16, &swapper) ||
	    !lb_vmcoreinfo_number(&space.vmcoreinfo, "NUMBER(phys_base)=", 10, &phys_base))
		dump_fail(file, "has a VMCOREINFO that does not say where the page tables are");
	space.cr3 = swapper - LB_KERNEL_MAP + phys_base;
	space.la57 =
		lb_vmcoreinfo_number(&space.vmcoreinfo, "NUMBER(pgtable_l5_enabled)=", 10, &la57) && la57;
	*ret_space = space;
}

#endif
