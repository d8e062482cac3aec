// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/first_kernel.h"

#include <elf.h>

#include "crash/dead/capture_kernel.h"
#include "crash/dead/kallsyms.h"
#include "lib/mem.h"

#define NOTE_NAME "VMCOREINFO" // with its NUL 11 bytes, padded to 12

struct note_head {
	Elf64_Nhdr header;
	char name[12];
};

// VMCOREINFO's facts of the page tables.
struct tables {
	uint64_t swapper_pg_dir, phys_base, l5_enabled;
};

// Copies from a physical address. False, with `to` undefined, unless every byte is RAM.
static bool copy(const struct lb_physmem *mem, uint64_t phys, void *to, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		const uint64_t at = phys + done, offset = at % LB_PAGE;
		const size_t room = LB_PAGE - offset, some = bytes - done < room ? bytes - done : room;
		const uint8_t *page = at >= phys ? lb_physmem_page(mem, at - offset) : NULL;

		if (!page)
			return false;
		memcpy((uint8_t *)to + done, page + offset, some);
		done += some;
	}
	return true;
}

// The text in the note that `phdr` leads to, where it is VMCOREINFO's. Its bytes; 0: it is another.
static uint32_t take_note(const struct lb_physmem *mem, const Elf64_Phdr *phdr, char *text)
{
	struct note_head head;

	if (phdr->p_type != PT_NOTE || !copy(mem, phdr->p_offset, &head, sizeof(head)) ||
	    head.header.n_namesz != sizeof(NOTE_NAME) ||
	    memcmp(head.name, NOTE_NAME, sizeof(NOTE_NAME)) != 0 ||
	    head.header.n_descsz > LB_VMCOREINFO_MAX ||
	    !copy(mem, phdr->p_offset + sizeof(head), text, head.header.n_descsz))
		return 0;
	return head.header.n_descsz;
}

static uint32_t read_vmcoreinfo(const struct lb_physmem *mem, uint64_t phys, char *text)
{
	uint32_t bytes = 0;
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;

	if (!copy(mem, phys, &ehdr, sizeof(ehdr)) || memcmp(ehdr.e_ident, ELFMAG, SELFMAG) != 0 ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_phentsize != sizeof(phdr))
		return 0;
	for (uint32_t i = 0; i < ehdr.e_phnum && !bytes; i++) {
		if (!copy(mem, phys + ehdr.e_phoff + i * sizeof(phdr), &phdr, sizeof(phdr)))
			return 0;
		bytes = take_note(mem, &phdr, text);
	}
	return bytes;
}

static bool read_tables(const struct lb_vmcoreinfo *info, struct tables *ret_tables)
{
	static const struct lb_vmcoreinfo_key keys[] = {
		{"SYMBOL(swapper_pg_dir)=", 16, offsetof(struct tables, swapper_pg_dir)},
		{"NUMBER(phys_base)=", 10, offsetof(struct tables, phys_base)},
		{"NUMBER(pgtable_l5_enabled)=", 10, offsetof(struct tables, l5_enabled)},
	};

	return !lb_vmcoreinfo_numbers(info, keys, sizeof(keys) / sizeof(keys[0]), ret_tables);
}

static uint64_t find_gs_base(const struct lb_deadspace *space)
{
	const struct lb_deadkernel kernel = {.space = *space,
					     .text_virt = LB_KERNEL_MAP,
					     .image_bytes = LB_KERNEL_MODULES - LB_KERNEL_MAP};
	struct lb_symbols symbols;
	uint64_t address, base;
	struct lb_deadmem mem;

	lb_deadmem_open(&mem, space);
	if (!lb_symbols_open_listed(&symbols, &mem, &kernel) ||
	    !lb_symbols_address(&symbols, "__per_cpu_offset", &address) ||
	    !lb_deadmem_u64(&mem, address, &base))
		return 0;
	return base;
}

bool lb_first_kernel_find(const struct lb_deadspace *last, char *text, struct lb_first_kernel *ret_first)
{
	struct lb_deadspace space = *last;
	struct tables tables;
	uint64_t phys;

	if (!lb_capture_kernel_header(last, &phys))
		return false;
	space.vmcoreinfo = (struct lb_vmcoreinfo){text, read_vmcoreinfo(last->mem, phys, text)};
	if (!space.vmcoreinfo.bytes || !read_tables(&space.vmcoreinfo, &tables))
		return false;
	space.cr3 = tables.swapper_pg_dir - LB_KERNEL_MAP + tables.phys_base;
	space.la57 = tables.l5_enabled != 0;
	if (tables.swapper_pg_dir < LB_KERNEL_MAP || !lb_aligned(space.cr3, LB_PAGE) ||
	    !lb_physmem_page(last->mem, space.cr3))
		return false;
	ret_first->space = space;
	ret_first->gs_base = find_gs_base(&space);
	return true;
}
