// SPDX-License-Identifier: BSD-2-Clause
// Finding the right VMCOREINFO among all that RAM may hold: older boots, guests,
// the page cache. Only the kernel itself keeps a pointer to its own, in its data
// (vmcoreinfo_note, kernel/crash_core.c, later kernel/vmcore_info.c), and only in
// its own do the addresses agree with the page tables.
#include "crash/dead/vmcoreinfo.h"

#include "lib/mem.h"
#include "lib/number.h"

#define KERNEL_MAP 0xffffffff80000000ULL // __START_KERNEL_map
#define KERNEL_MAP_BYTES LB_GIB // KERNEL_IMAGE_SIZE with KASLR
#define TEXT_ALIGN (2 * LB_MIB) // the least CONFIG_PHYSICAL_ALIGN
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

// Does the note in `kernel` describe the kernel that the page tables map? On
// success kaslr_offset is what the note says: the same as ours, but for a kernel
// built with another CONFIG_PHYSICAL_START than 16 MiB.
static bool agrees(const struct lb_physmem *mem, struct lb_deadkernel *kernel)
{
	uint64_t stext, offset, phys_base, link_address;

	if (!lb_vmcoreinfo_number(mem, kernel, "SYMBOL(_stext)=", 16, &stext) ||
	    !lb_vmcoreinfo_number(mem, kernel, "KERNELOFFSET=", 16, &offset) ||
	    !lb_vmcoreinfo_number(mem, kernel, "NUMBER(phys_base)=", 10, &phys_base))
		return false;
	if (stext < kernel->text_virt || stext - kernel->text_virt >= kernel->image_bytes ||
	    phys_base != kernel->phys_base)
		return false;
	link_address = kernel->text_virt - offset;
	if (link_address < KERNEL_MAP || link_address - KERNEL_MAP >= KERNEL_MAP_BYTES ||
	    !lb_aligned(link_address, TEXT_ALIGN))
		return false;
	kernel->kaslr_offset = offset;
	return true;
}

// One page-aligned pointer out of the kernel's data.
static bool try_pointer(struct lb_deadmem *mem, struct lb_deadkernel *kernel, uint64_t pointer)
{
	struct lb_deadkernel tried = *kernel;
	struct lb_walk_leaf leaf;

	tried.vmcoreinfo_phys = pointer - kernel->page_offset;
	if (!is_note(&mem->mem, tried.vmcoreinfo_phys, &tried.vmcoreinfo_bytes))
		return false;
	kernel->vmcoreinfo_candidates++;
	if (lb_walk(&mem->walk, pointer, &leaf) != LB_WALK_MAPPED || leaf.phys != tried.vmcoreinfo_phys ||
	    !agrees(&mem->mem, &tried))
		return false;
	kernel->has_vmcoreinfo = true;
	kernel->vmcoreinfo_phys = tried.vmcoreinfo_phys;
	kernel->vmcoreinfo_bytes = tried.vmcoreinfo_bytes;
	kernel->kaslr_offset = tried.kaslr_offset;
	return true;
}

void lb_vmcoreinfo_find(struct lb_deadmem *mem, struct lb_deadkernel *kernel)
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
			if (follow_left-- == 0 || try_pointer(mem, kernel, pointer))
				return;
			last = pointer;
			page = lb_deadmem_data_page(mem, virt); // the window has moved
		}
	}
}

// Byte `at` of the text, through a page that is fetched when it changes.
struct text {
	const struct lb_physmem *mem;
	uint64_t phys; // of the text's first byte
	uint32_t bytes;
	uint32_t at;
	const char *page; // that of byte at - 1
};

// The next character; -1 at the end, or where the text leaves RAM.
static int next_char(struct text *text)
{
	uint64_t phys = text->phys + text->at;

	if (text->at >= text->bytes)
		return -1;
	if (!text->page || lb_aligned(phys, LB_PAGE))
		text->page = lb_physmem_page(text->mem, lb_align_down(phys, LB_PAGE));
	if (!text->page)
		return -1;
	text->at++;
	return (unsigned char)text->page[phys & (LB_PAGE - 1)];
}

// The number that ends at the line's end.
static bool read_number(struct text *text, unsigned int base, uint64_t *ret_number)
{
	char line[LB_NUMBER_MAX];
	uint32_t bytes = 0;

	for (int c = next_char(text); c != '\n' && c != -1; c = next_char(text)) {
		if (bytes == sizeof(line))
			return false;
		line[bytes++] = (char)c;
	}
	return lb_number_read(line, bytes, base, ret_number);
}

static struct text open_text(const struct lb_physmem *mem, const struct lb_deadkernel *kernel)
{
	return (struct text){
		.mem = mem,
		.phys = kernel->vmcoreinfo_phys + LB_VMCOREINFO_TEXT,
		.bytes = kernel->vmcoreinfo_bytes,
	};
}

bool lb_vmcoreinfo_number(const struct lb_physmem *mem, const struct lb_deadkernel *kernel, const char *key,
			  unsigned int base, uint64_t *ret_number)
{
	struct text text = open_text(mem, kernel);
	int c;

	do {
		const char *wanted = key;

		for (c = next_char(&text); *wanted && c == *wanted; c = next_char(&text))
			if (!*++wanted)
				return read_number(&text, base, ret_number);
		while (c != '\n' && c != -1)
			c = next_char(&text);
	} while (c != -1);
	return false;
}

uint32_t lb_vmcoreinfo_copy(const struct lb_physmem *mem, const struct lb_deadkernel *kernel, char *text)
{
	struct text from = open_text(mem, kernel);
	uint32_t bytes = 0;
	int c;

	while (bytes < LB_VMCOREINFO_MAX && (c = next_char(&from)) > 0)
		text[bytes++] = (char)c;
	return bytes;
}
