// SPDX-License-Identifier: BSD-2-Clause
// Opens an ELF dump as the memory of a dead kernel, for the programs of tests/vm that read one. On an error
// it is printed and the program exits.
#ifndef LIFEBOAT_TESTS_VM_ELF_CORE_H
#define LIFEBOAT_TESTS_VM_ELF_CORE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <elf.h>

#include "crash/dead/deadmem.h"
#include "crash/dead/ram.h"

struct core {
	const uint8_t *data;
	uint64_t bytes;
	struct lb_ram ram;
	struct lb_physmem mem;
};

static inline void fail(const char *path, const char *what)
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

static inline void load_core(const char *path, struct core *core)
{
	struct lb_ram_piece *pieces;
	struct lb_error err;
	struct stat status;
	int file = open(path, O_RDONLY);
	uint32_t capacity;
	void *data;

	if (file < 0 || fstat(file, &status) || status.st_size < (off_t)LB_PAGE)
		fail(path, "cannot be read");
	core->bytes = (uint64_t)status.st_size;
	data = mmap(NULL, core->bytes, PROT_READ, MAP_PRIVATE, file, 0);
	if (data == MAP_FAILED)
		fail(path, "cannot be mapped");
	core->data = data;
	capacity = lb_ram_capacity(core->data, core->bytes);
	pieces = calloc(capacity + 1, sizeof(*pieces));
	if (!pieces || lb_ram_read(core->data, core->bytes, pieces, &core->ram, &err))
		fail(path, pieces ? err.text : "no memory");
}

// Finds the text of the VMCOREINFO note.
static inline void find_vmcoreinfo(const char *path, const struct core *core, struct lb_deadspace *dead)
{
	const Elf64_Phdr *notes = (const void *)(core->data + sizeof(Elf64_Ehdr));
	uint64_t at = notes->p_offset, end = at + notes->p_filesz;

	if (notes->p_type != PT_NOTE || end > core->bytes)
		fail(path, "does not begin with its notes");
	while (at + sizeof(Elf64_Nhdr) <= end) {
		const Elf64_Nhdr *note = (const void *)(core->data + at);
		uint64_t name = at + sizeof(*note), desc = name + lb_align_up(note->n_namesz, 4);

		at = desc + lb_align_up(note->n_descsz, 4);
		if (at > end)
			break;
		if (note->n_namesz == sizeof("VMCOREINFO") &&
		    memcmp(core->data + name, "VMCOREINFO", sizeof("VMCOREINFO")) == 0) {
			dead->vmcoreinfo.text = (const char *)core->data + desc;
			dead->vmcoreinfo.bytes = note->n_descsz;
			return;
		}
	}
	fail(path, "has no VMCOREINFO");
}

// Opens a dump: `dead` has its VMCOREINFO and the page tables that VMCOREINFO names. close_core() ends both.
static inline void open_core(const char *path, struct core *core, struct lb_deadspace *dead)
{
	uint64_t swapper = 0, phys_base = 0, la57 = 0;

	load_core(path, core);
	core->mem = (struct lb_physmem){.page = core_page, .ctx = core};
	*dead = (struct lb_deadspace){.mem = &core->mem, .phys_bits = 52};
	find_vmcoreinfo(path, core, dead);
	if (!lb_vmcoreinfo_number(&dead->vmcoreinfo, "SYMBOL(swapper_pg_dir)=", 16, &swapper) ||
	    !lb_vmcoreinfo_number(&dead->vmcoreinfo, "NUMBER(phys_base)=", 10, &phys_base))
		fail(path, "its VMCOREINFO does not say where the page tables are");
	dead->cr3 = swapper - LB_KERNEL_MAP + phys_base;
	dead->la57 =
		lb_vmcoreinfo_number(&dead->vmcoreinfo, "NUMBER(pgtable_l5_enabled)=", 10, &la57) && la57;
}

static inline void close_core(struct core *core)
{
	free(core->ram.pieces);
	munmap((void *)(uintptr_t)core->data, core->bytes);
}

#endif
