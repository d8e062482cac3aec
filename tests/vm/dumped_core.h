// SPDX-License-Identifier: BSD-2-Clause
// A dead machine's RAM as an ELF dump has it, for programs that do on the host what the capture kernel does.
#ifndef LIFEBOAT_TESTS_VM_DUMPED_CORE_H
#define LIFEBOAT_TESTS_VM_DUMPED_CORE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elf.h>

#include "crash/dead/deadmem.h"
#include "crash/dead/notes.h"
#include "crash/dead/ram.h"

struct core {
	const char *path;
	const uint8_t *data;
	uint64_t bytes;
	struct lb_ram ram; // whose pieces have room for one more
	const uint8_t *notes;
	uint64_t notes_bytes;
	struct lb_notes found; // in them
	struct lb_physmem mem;
	struct lb_deadspace dead;
};

static inline void core_fail(const char *path, const char *what)
{
	fprintf(stderr, "%s: %s\n", path, what);
	exit(2);
}

static inline const void *core_page(void *ctx, uint64_t phys)
{
	const struct core *core = ctx;
	uint64_t offset;

	if (!lb_ram_find(&core->ram, phys, &offset) || offset > core->bytes - LB_PAGE)
		return NULL;
	return core->data + offset;
}

static inline void core_load(struct core *core)
{
	struct lb_ram_piece *pieces;
	struct lb_error err;
	struct stat status;
	int file = open(core->path, O_RDONLY);
	uint32_t capacity;
	void *data;

	if (file < 0 || fstat(file, &status) || status.st_size < (off_t)LB_PAGE)
		core_fail(core->path, "cannot be read");
	core->bytes = (uint64_t)status.st_size;
	data = mmap(NULL, core->bytes, PROT_READ, MAP_PRIVATE, file, 0);
	close(file);
	if (data == MAP_FAILED)
		core_fail(core->path, "cannot be mapped");
	core->data = data;
	capacity = lb_ram_capacity(core->data, core->bytes);
	pieces = calloc(capacity + 1, sizeof(*pieces));
	if (!pieces || lb_ram_read(core->data, core->bytes, pieces, &core->ram, &err))
		core_fail(core->path, pieces ? err.text : "no memory");
}

static inline void core_find_notes(struct core *core)
{
	const Elf64_Phdr *notes = (const void *)(core->data + sizeof(Elf64_Ehdr));

	if (notes->p_type != PT_NOTE || notes->p_offset > core->bytes ||
	    notes->p_filesz > core->bytes - notes->p_offset)
		core_fail(core->path, "does not begin with its notes");
	core->notes = core->data + notes->p_offset;
	core->notes_bytes = notes->p_filesz;
	lb_notes_read(core->notes, core->notes_bytes, &core->found);
	if (!core->found.vmcoreinfo)
		core_fail(core->path, "has no VMCOREINFO");
}

// Of the file at `path`: RAM, notes, and the address space of swapper_pg_dir. Exits where it is no dump. The core
// must not be moved afterwards.
static inline void core_open(struct core *core, const char *path)
{
	const struct lb_vmcoreinfo *info = &core->dead.vmcoreinfo;
	uint64_t swapper = 0, phys_base = 0, la57 = 0;

	memset(core, 0, sizeof(*core));
	core->path = path;
	core_load(core);
	core_find_notes(core);
	core->mem = (struct lb_physmem){.page = core_page, .ctx = core};
	core->dead = (struct lb_deadspace){
		.mem = &core->mem,
		.phys_bits = 52,
		.vmcoreinfo.text = (const char *)core->notes + core->found.vmcoreinfo,
		.vmcoreinfo.bytes = core->found.vmcoreinfo_bytes,
	};
	if (!lb_vmcoreinfo_number(info, "SYMBOL(swapper_pg_dir)=", 16, &swapper) ||
	    !lb_vmcoreinfo_number(info, "NUMBER(phys_base)=", 10, &phys_base))
		core_fail(path, "its VMCOREINFO does not say where the page tables are");
	core->dead.cr3 = swapper - LB_KERNEL_MAP + phys_base;
	core->dead.la57 = lb_vmcoreinfo_number(info, "NUMBER(pgtable_l5_enabled)=", 10, &la57) && la57;
}

static inline void core_close(struct core *core)
{
	free(core->ram.pieces);
	munmap((void *)(uintptr_t)core->data, core->bytes);
}

#endif
