// SPDX-License-Identifier: BSD-2-Clause
// RAM may hold more than one VMCOREINFO: of older boots, of guests, in the page cache. The right one has two
// signs. The kernel's data has a pointer to it (vmcoreinfo_note, kernel/crash_core.c, later
// kernel/vmcore_info.c). Its addresses agree with the page tables.
#include "crash/dead/vmcoreinfo_find.h"

#include "lib/mem.h"

#define KERNEL_MAP_BYTES LB_GIB // KERNEL_IMAGE_SIZE with KASLR
// Pointers followed at most; 6.1 has some 500 that look like one of these.
#define FOLLOW_MAX (1U << 16)

// The fixed part of an ELF note (Elf64_Nhdr) and this one's name.
struct note_head {
	uint32_t name_bytes;
	uint32_t desc_bytes;
	uint32_t type;
	char name[12];
};
_Static_assert(sizeof(struct note_head) == LB_VMCOREINFO_TEXT, "no padding in a note's head");

// Does the page at `phys` begin with a VMCOREINFO note? *ret_bytes: of its text.
static bool is_note(const struct lb_physmem *mem, uint64_t phys, uint32_t *ret_bytes)
{
	static const char first_key[] = "OSRELEASE=";
	const char *page = lb_physmem_page(mem, phys);
	struct note_head head;

	if (!page)
		return false;
	memcpy(&head, page, sizeof(head));
	if (head.name_bytes != sizeof("VMCOREINFO") || head.type != 0 ||
	    memcmp(head.name, "VMCOREINFO", sizeof("VMCOREINFO")) != 0)
		return false;
	if (head.desc_bytes < sizeof(first_key) || head.desc_bytes > LB_VMCOREINFO_MAX)
		return false;
	if (memcmp(page + sizeof(head), first_key, sizeof(first_key) - 1) != 0)
		return false;
	*ret_bytes = head.desc_bytes;
	return true;
}

// Copies `bytes` of the text of the note at `phys`, by pages. How many there are: less where
// the text leaves RAM or holds a NUL.
static uint32_t copy_text(const struct lb_physmem *mem, uint64_t phys, uint32_t bytes, char *text)
{
	uint32_t at = 0;

	phys += LB_VMCOREINFO_TEXT;
	while (at < bytes) {
		const uint64_t offset = (phys + at) & (LB_PAGE - 1);
		const uint32_t room = (uint32_t)(LB_PAGE - offset);
		const uint32_t part = bytes - at < room ? bytes - at : room;
		const char *page = lb_physmem_page(mem, phys + at - offset);

		if (!page)
			break;
		for (uint32_t i = 0; i < part; i++) {
			if (!page[offset + i])
				return at + i;
			text[at + i] = page[offset + i];
		}
		at += part;
	}
	return at;
}

// Does `info` describe the kernel that the page tables map? On success *ret_offset is
// KASLR's as the note says it: the same as ours, but for a kernel built with another
// CONFIG_PHYSICAL_START than 16 MiB.
static bool agrees(const struct lb_deadkernel *kernel, const struct lb_vmcoreinfo *info, uint64_t *ret_offset)
{
	uint64_t stext, offset, phys_base, link_address;

	if (!lb_vmcoreinfo_number(info, "SYMBOL(_stext)=", 16, &stext) ||
	    !lb_vmcoreinfo_number(info, "KERNELOFFSET=", 16, &offset) ||
	    !lb_vmcoreinfo_number(info, "NUMBER(phys_base)=", 10, &phys_base))
		return false;
	if (stext < kernel->text_virt || stext - kernel->text_virt >= kernel->image_bytes ||
	    phys_base != kernel->phys_base)
		return false;
	link_address = kernel->text_virt - offset;
	if (link_address < LB_KERNEL_MAP || link_address - LB_KERNEL_MAP >= KERNEL_MAP_BYTES ||
	    !lb_aligned(link_address, LB_KERNEL_TEXT_ALIGN))
		return false;
	*ret_offset = offset;
	return true;
}

// Tries one page-aligned pointer out of the kernel's data.
static bool try_pointer(struct lb_deadmem *mem, uint64_t pointer, char *text, struct lb_deadkernel *kernel)
{
	const uint64_t phys = pointer - kernel->page_offset;
	struct lb_vmcoreinfo info = {.text = text};
	struct lb_walk_leaf leaf;

	if (!is_note(&mem->mem, phys, &info.bytes))
		return false;
	kernel->vmcoreinfo_candidates++;
	if (lb_walk(&mem->walk, pointer, &leaf) != LB_WALK_MAPPED || leaf.phys != phys)
		return false;
	info.bytes = copy_text(&mem->mem, phys, info.bytes, text);
	if (!agrees(kernel, &info, &kernel->kaslr_offset))
		return false;
	kernel->has_vmcoreinfo = true;
	kernel->vmcoreinfo_phys = phys;
	kernel->space.vmcoreinfo = info;
	return true;
}

void lb_vmcoreinfo_find(struct lb_deadmem *mem, char *text, struct lb_deadkernel *kernel)
{
	const uint64_t end = kernel->text_virt + kernel->image_bytes;
	const uint64_t direct_map_bytes = 1ULL << mem->walk.phys_bits;
	uint32_t follow_left = FOLLOW_MAX;
	uint64_t last = 0;

	for (uint64_t virt = kernel->text_virt; virt < end; virt += LB_PAGE) {
		const uint64_t *page = lb_deadmem_data_page(mem, virt);

		for (unsigned int i = 0; page && i < LB_PAGE / sizeof(*page); i++) {
			uint64_t pointer = page[i];

			if (!lb_aligned(pointer, LB_PAGE) || pointer == last ||
			    pointer < kernel->page_offset ||
			    pointer - kernel->page_offset >= direct_map_bytes)
				continue;
			if (follow_left-- == 0 || try_pointer(mem, pointer, text, kernel))
				return;
			last = pointer;
			page = lb_deadmem_data_page(mem, virt); // the window has moved
		}
	}
}
