// SPDX-License-Identifier: BSD-2-Clause
// Finds what the dead kernel's page tables tell, then calls the finders of the other facts. Layout of the
// address space: Documentation/arch/x86/x86_64/mm.rst.
#include "crash/dead/deadkernel.h"

#include "crash/dead/buildid.h"
#include "crash/dead/percpu.h"
#include "crash/dead/vmcoreinfo_find.h"
#include "lib/format.h"
#include "lib/mem.h"
#include "lifeboat/x86.h"
#include "pgtable/encryption.h"

#define LINK_ADDRESS 0xffffffff81000000ULL // _text with the default CONFIG_PHYSICAL_START
// The most bytes of absent pages in a row inside the image. With page-table isolation the kernel unmaps those
// parts of its image that it frees, above all the init sections.
#define IMAGE_GAP_MAX (64 * LB_MIB)

// The direct map is the lowest mapping above these addresses, wherever KASLR puts it. The LDT of page-table
// isolation lies below them. Vmalloc space and vmemmap lie above the direct map.
#define DIRECT_MAP_4LEVEL 0xffff888000000000ULL
#define DIRECT_MAP_5LEVEL 0xff11000000000000ULL
#define DIRECT_MAP_END 0xfffffe0000000000ULL // CPU_ENTRY_AREA_BASE
#define DIRECT_MAP_ALIGN LB_GIB // KASLR moves it by whole PUDs

static void find_text(struct lb_deadmem *mem, struct lb_deadkernel *kernel)
{
	struct lb_walk_leaf leaf;
	uint64_t virt;

	// Bits of memory encryption are masked, so that the text is found, and then that these bits were set.
	mem->walk.hostile = true;
	if (!lb_walk_next(&mem->walk, LB_KERNEL_MAP, LB_KERNEL_MODULES, &virt, &leaf))
		virt = 0;
	mem->walk.hostile = false;
	if (!virt)
		return;
	if (lb_walk(&mem->walk, virt, &leaf) == LB_WALK_RESERVED_BIT) {
		kernel->encrypted = true;
		return;
	}
	if (!lb_aligned(virt, LB_KERNEL_TEXT_ALIGN) || !lb_aligned(leaf.phys, LB_KERNEL_TEXT_ALIGN) ||
	    !lb_physmem_page(&mem->mem, leaf.phys))
		return;
	kernel->has_text = true;
	kernel->text_virt = virt;
	kernel->text_phys = leaf.phys;
	kernel->kaslr_offset = virt - LINK_ADDRESS;
	kernel->phys_base = leaf.phys - (virt - LB_KERNEL_MAP);
}

// Measures the image. It is one piece of physical memory, and ends with the last page that is mapped in line
// with _text.
static void measure_image(struct lb_deadmem *mem, struct lb_deadkernel *kernel)
{
	uint64_t end = kernel->text_virt;

	for (;;) {
		uint64_t limit =
			LB_KERNEL_MODULES - end < IMAGE_GAP_MAX ? LB_KERNEL_MODULES : end + IMAGE_GAP_MAX;
		struct lb_walk_leaf leaf;
		uint64_t virt;

		if (!lb_walk_next(&mem->walk, end, limit, &virt, &leaf) ||
		    leaf.phys - kernel->text_phys != virt - kernel->text_virt)
			break;
		end = lb_align_down(virt, leaf.page_size) + leaf.page_size;
		if (end >= LB_KERNEL_MODULES) {
			end = LB_KERNEL_MODULES;
			break;
		}
	}
	kernel->image_bytes = end - kernel->text_virt;
}

// Finds the direct map. It begins with physical address 0: the low 1 MiB is always mapped, RAM or not
// (init_mem_mapping()). A place counts only if the kernel's text is found through it.
static void find_page_offset(struct lb_deadmem *mem, struct lb_deadkernel *kernel)
{
	uint64_t start = kernel->space.la57 ? DIRECT_MAP_5LEVEL : DIRECT_MAP_4LEVEL;
	struct lb_walk_leaf leaf;
	uint64_t virt, base;

	if (!lb_walk_next(&mem->walk, start, DIRECT_MAP_END, &virt, &leaf))
		return;
	base = virt - leaf.phys;
	if (base < start || base > virt || !lb_aligned(base, DIRECT_MAP_ALIGN))
		return;
	if (lb_walk(&mem->walk, base + kernel->text_phys, &leaf) != LB_WALK_MAPPED ||
	    leaf.phys != kernel->text_phys)
		return;
	kernel->has_page_offset = true;
	kernel->page_offset = base;
}

static bool same_table(uint64_t a, uint64_t b)
{
	return (a & X86_PTE_P) && (b & X86_PTE_P) && (a & X86_PTE_ADDR) == (b & X86_PTE_ADDR);
}

// Does any word of the image's data hold `value`?
static bool image_holds(struct lb_deadmem *mem, const struct lb_deadkernel *kernel, uint64_t value)
{
	const uint64_t end = kernel->text_virt + kernel->image_bytes;

	for (uint64_t virt = kernel->text_virt; virt < end; virt += LB_PAGE) {
		const uint64_t *page = lb_deadmem_data_page(mem, virt);

		for (unsigned int i = 0; page && i < X86_PT_ENTRIES; i++)
			if (page[i] == value)
				return true;
	}
	return false;
}

// Would the kernel's text be where it is with the page at `virt` as the top-level table?
static bool maps_text(struct lb_deadmem *mem, const struct lb_deadkernel *kernel, uint64_t virt)
{
	struct lb_walk walk = mem->walk;
	struct lb_walk_leaf leaf;

	if (lb_walk(&mem->walk, virt, &leaf) != LB_WALK_MAPPED)
		return false;
	walk.cr3 = leaf.phys;
	return lb_walk(&walk, kernel->text_virt, &leaf) == LB_WALK_MAPPED && leaf.phys == kernel->text_phys;
}

// Finds swapper_pg_dir, by these signs: it is a page of the image; it shares the direct map's tables with the
// dead CR3 (early_top_pgt has no direct map); it maps the text, and nothing in the lower half; and init_mm
// points at it by its address in the image. The text's tables need not be shared: EFI calls run on efi_mm,
// which has its own (efi_alloc_page_tables()). A process's top-level table may lie in a page that the image
// gave back, and may be empty in the lower half when the process dies. But pointers to that table are
// addresses in the direct map.
static void find_swapper_pg_dir(struct lb_deadmem *mem, struct lb_deadkernel *kernel)
{
	const unsigned int direct_index =
		kernel->page_offset >> (kernel->space.la57 ? 48 : 39) & (X86_PT_ENTRIES - 1);
	const uint64_t end = kernel->text_virt + kernel->image_bytes;
	const uint64_t *page = lb_physmem_page(&mem->mem, kernel->space.cr3 & X86_PTE_ADDR);
	uint64_t direct_entry;

	if (!page)
		return;
	direct_entry = page[direct_index];
	for (uint64_t virt = kernel->text_virt; virt < end; virt += LB_PAGE) {
		unsigned int i = 0;

		page = lb_deadmem_data_page(mem, virt);
		if (!page || !same_table(page[direct_index], direct_entry))
			continue;
		while (i < X86_PT_ENTRIES / 2 && page[i] == 0)
			i++;
		if (i == X86_PT_ENTRIES / 2 && maps_text(mem, kernel, virt) &&
		    image_holds(mem, kernel, virt)) {
			kernel->swapper_pg_dir = virt;
			return;
		}
	}
}

// Reads the facts that page tables tell. False: they tell nothing, and no further question makes sense.
static bool read_tables(const struct lb_deadspace *space, struct lb_deadmem *mem,
			struct lb_deadkernel *ret_kernel)
{
	*ret_kernel = (struct lb_deadkernel){.space = *space};
	if (lb_encryption_of(space->cr3, space->phys_bits)) {
		ret_kernel->encrypted = true;
		return false;
	}
	lb_deadmem_open(mem, space);
	find_text(mem, ret_kernel);
	if (!ret_kernel->has_text)
		return false;
	measure_image(mem, ret_kernel);
	find_page_offset(mem, ret_kernel);
	return true;
}

void lb_deadkernel_open(const struct lb_deadspace *space, struct lb_deadkernel *ret_kernel)
{
	struct lb_deadmem mem;

	if (!read_tables(space, &mem, ret_kernel))
		return;
	ret_kernel->has_vmcoreinfo = space->vmcoreinfo.bytes;
	lb_vmcoreinfo_number(&space->vmcoreinfo, "KERNELOFFSET=", 16, &ret_kernel->kaslr_offset);
}

void lb_deadkernel_read(const struct lb_deadspace *space, uint64_t gs_base, char *text,
			struct lb_deadkernel *ret_kernel)
{
	struct lb_deadmem mem;

	if (!read_tables(space, &mem, ret_kernel))
		return;
	if (ret_kernel->has_page_offset) {
		lb_vmcoreinfo_find(&mem, text, ret_kernel);
		if (!ret_kernel->has_vmcoreinfo)
			find_swapper_pg_dir(&mem, ret_kernel);
	}
	if (!ret_kernel->has_vmcoreinfo)
		ret_kernel->has_build_id = lb_buildid_find(&mem, ret_kernel, ret_kernel->build_id);
	lb_percpu_find(&mem, gs_base, ret_kernel);
}

// The longest text there can be is far below LB_VMCOREINFO_MAX.
uint32_t lb_deadkernel_synthesise(const struct lb_deadkernel *kernel, const char *release, char *text)
{
	int release_bytes = 0;
	size_t at;

	// A bzImage's version string goes on after the release: builder, date.
	while (release_bytes < 64 && release[release_bytes] > ' ')
		release_bytes++;
	at = lb_snprintf(text, LB_VMCOREINFO_MAX, "OSRELEASE=%.*s\nPAGESIZE=%lu\n", release_bytes, release,
			 (unsigned long)LB_PAGE);
	if (kernel->has_text)
		at += lb_snprintf(text + at, LB_VMCOREINFO_MAX - at,
				  "KERNELOFFSET=%lx\nNUMBER(phys_base)=%ld\n",
				  (unsigned long)kernel->kaslr_offset, (long)kernel->phys_base);
	if (kernel->swapper_pg_dir)
		at += lb_snprintf(text + at, LB_VMCOREINFO_MAX - at, "SYMBOL(swapper_pg_dir)=%lx\n",
				  (unsigned long)kernel->swapper_pg_dir);
	at += lb_snprintf(text + at, LB_VMCOREINFO_MAX - at, "NUMBER(pgtable_l5_enabled)=%d\n",
			  kernel->space.la57);
	if (kernel->has_build_id) {
		at += lb_snprintf(text + at, LB_VMCOREINFO_MAX - at, "BUILD-ID=");
		for (unsigned int i = 0; i < sizeof(kernel->build_id); i++)
			at += lb_snprintf(text + at, LB_VMCOREINFO_MAX - at, "%02x", kernel->build_id[i]);
		at += lb_snprintf(text + at, LB_VMCOREINFO_MAX - at, "\n");
	}
	return (uint32_t)at;
}

bool lb_deadkernel_cpu_regs(const struct lb_deadkernel *kernel, uint32_t cpu, struct lb_user_regs *ret_regs,
			    int32_t *ret_pid)
{
	struct lb_deadmem mem;
	uint64_t offset;

	if (!kernel->has_cpus || !kernel->crash_notes || cpu >= kernel->cpu_count)
		return false;
	lb_deadmem_open(&mem, &kernel->space);
	return lb_deadmem_u64(&mem, kernel->per_cpu_offset + 8ULL * cpu, &offset) &&
	       lb_percpu_note(&mem, kernel->crash_notes + offset, ret_regs, ret_pid);
}
