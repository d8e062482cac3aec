// SPDX-License-Identifier: BSD-2-Clause
// Source: Intel SDM 3A 4.5 (tables), 4.10.4 (what to invalidate when).
#include "crash/platform/paging.h"

#include "crash/bare/bare.h"
#include "crash/dead/old_ranges.h"
#include "crash/plan/capturesize.h"
#include "lib/cpu.h"
#include "lifeboat/x86.h"
#include "pgtable/ident.h"

#define SLOT_SHIFT 39
#define OLD_SLOT (LB_PAGING_OLD_BASE >> SLOT_SHIFT)
#define DEVICE_SLOT 256ULL
#define WINDOW_SLOT 257ULL

#define TABLE_BITS (X86_PTE_P | X86_PTE_W | X86_PTE_A)
#define LEAF_BITS (TABLE_BITS | X86_PTE_D)
#define WINDOW_BYTES (2 * LB_MIB)

// The window of one CPU. Only that CPU uses it after make_windows().
struct window {
	uint64_t virt;
	uint64_t *entry; // the page directory's entry for `virt`
	uint64_t *table; // the page table for `entry`, for windows of one page
	struct lb_range shows; // physical addresses
} __attribute__((aligned(64)));

static const struct lb_handoff *machine;
static uint64_t *slots; // the table whose slots paging.h lists (PML4)
static bool la57;
static uint64_t devices_used; // bytes of DEVICE_SLOT

static struct lb_ident_range *ranges; // of old RAM, ascending
static uint32_t range_count;
static struct window *windows; // NULL: page tables map old RAM
static uint32_t window_count;

static uint64_t *table_of(uint64_t entry)
{
	return (uint64_t *)(uintptr_t)(entry & X86_PTE_ADDR);
}

// With 4 levels, addresses from 128 TiB on are sign-extended. With 5 levels they are not.
static uint64_t slot_address(uint64_t slot)
{
	uint64_t address = slot << SLOT_SHIFT;

	if (!la57 && slot >= X86_PT_ENTRIES / 2)
		address |= ~0ULL << (SLOT_SHIFT + 9);
	return address;
}

void lb_paging_open(const struct lb_handoff *handoff)
{
	machine = handoff;
	la57 = cpu_cr4() & X86_CR4_LA57;
	slots = table_of(cpu_cr3());
	if (la57)
		slots = table_of(slots[0]);
	devices_used = 0;
	windows = NULL;
}

// Returns the table that `entry` leads to, and makes it if there is none. NULL: the heap is full.
static uint64_t *next_table(uint64_t *entry)
{
	if (!(*entry & X86_PTE_P)) {
		void *table = lb_heap_pages(LB_PAGE);

		if (!table)
			return NULL;
		*entry = (uint64_t)(uintptr_t)table | TABLE_BITS;
	}
	return table_of(*entry);
}

// Returns the page directory's entry for `virt`, which lies in a slot that paging.h lists.
static uint64_t *directory_entry(uint64_t virt)
{
	uint64_t *table = next_table(&slots[virt >> SLOT_SHIFT & (X86_PT_ENTRIES - 1)]);

	if (table)
		table = next_table(&table[virt >> 30 & (X86_PT_ENTRIES - 1)]);
	return table ? &table[virt >> 21 & (X86_PT_ENTRIES - 1)] : NULL;
}

static bool map_device_page(uint64_t virt, uint64_t phys)
{
	uint64_t *entry = directory_entry(virt);
	uint64_t *table = entry ? next_table(entry) : NULL;

	if (!table)
		return false;
	table[virt >> 12 & (X86_PT_ENTRIES - 1)] = phys | LEAF_BITS | X86_PTE_UNCACHED;
	return true;
}

#define LARGE_BYTES (2 * LB_MIB)

static bool map_device_large(uint64_t virt, uint64_t phys)
{
	uint64_t *entry = directory_entry(virt);

	if (!entry)
		return false;
	*entry = phys | LEAF_BITS | X86_PTE_PS | X86_PTE_UNCACHED;
	return true;
}

// Returns the offset in DEVICE_SLOT for a mapping of `phys`. From LARGE_BYTES on, the virtual address has the
// same offset within 2 MiB as the physical one, so that large leaves fit.
static uint64_t skip_to_large(uint64_t phys, uint64_t bytes)
{
	const uint64_t used = devices_used, place = phys & (LARGE_BYTES - 1);

	if (bytes < LARGE_BYTES)
		return used;
	return lb_align_up(used, LARGE_BYTES) + place;
}

// Nothing is invalidated: the CPU caches no entry that was not present (SDM 3A 4.10.2.1).
volatile void *lb_device_map(uint64_t phys, uint64_t bytes)
{
	const uint64_t start = lb_align_down(phys, LB_PAGE), skipped = skip_to_large(start, bytes);
	const uint64_t base = slot_address(DEVICE_SLOT) + skipped;
	uint64_t end, step;

	if (!bytes || __builtin_add_overflow(phys, bytes, &end) || end > 1ULL << cpu_phys_bits() ||
	    skipped > 1ULL << SLOT_SHIFT ||
	    lb_align_up(end, LB_PAGE) - start > (1ULL << SLOT_SHIFT) - skipped)
		return NULL;
	devices_used = skipped;
	for (uint64_t at = start; at < end; at += step) {
		const uint64_t virt = base + (at - start);
		const bool large = lb_aligned(virt | at, LARGE_BYTES) && end - at >= LARGE_BYTES;

		step = large ? LARGE_BYTES : LB_PAGE;
		if (!(large ? map_device_large(virt, at) : map_device_page(virt, at)))
			return NULL;
		devices_used += step;
	}
	return (volatile void *)(uintptr_t)(base + (phys - start));
}

// Builds identity tables, and copies the entries of their root into `slots`, OLD_SLOT higher.
static int graft(const struct lb_ident_request *request, uint64_t bytes, struct lb_error *err)
{
	uint64_t *tables = lb_heap_pages(bytes);
	struct lb_ident_tables built;
	enum lb_ident_status status;

	if (!tables)
		return lb_fail(err, "page tables for old memory: %lu bytes are not left", bytes);
	status = lb_ident_build(request, tables, bytes / LB_PAGE, (uint64_t)(uintptr_t)tables, &built);
	if (status != LB_IDENT_OK)
		return lb_fail(err, "page tables for old memory: %s", lb_ident_status_text(status));
	for (uint64_t i = 0; i < OLD_SLOT; i++)
		slots[OLD_SLOT + i] = table_of(built.cr3_4level)[i];
	return 0;
}

static int make_windows(uint32_t cpus, struct lb_error *err)
{
	windows = lb_heap_pages(cpus * sizeof(*windows));
	if (!windows)
		return lb_fail(err, "windows into old memory: no memory for %u", cpus);
	for (uint32_t i = 0; i < cpus; i++) {
		struct window *window = &windows[i];

		window->virt = slot_address(WINDOW_SLOT) + i * WINDOW_BYTES;
		window->entry = directory_entry(window->virt);
		window->table = lb_heap_pages(LB_PAGE);
		if (!window->entry || !window->table)
			return lb_fail(err, "windows into old memory: no memory for %u of %u", i, cpus);
	}
	window_count = cpus;
	return 0;
}

int lb_paging_map_ram(const struct lb_ram *ram, const struct lb_capture_config *capture, char *how,
		      size_t how_bytes, struct lb_error *err)
{
	struct lb_ident_request request = {
		.phys_bits = cpu_phys_bits(), .gib_pages = cpu_gib_pages(), .root4 = true};
	struct lb_ident_size size;
	enum lb_ident_status status;
	uint64_t bytes, budget;

	ranges = lb_heap_pages(ram->count * sizeof(*ranges));
	if (!ranges)
		return lb_fail(err, "old memory: no memory for a list of %u ranges", ram->count);
	range_count = lb_old_ranges(ram, machine->crash, ranges);
	if (ram->max_pfn > LB_PAGING_OLD_BASE / LB_PAGE) {
		lb_snprintf(how, how_bytes, "by windows: it reaches above 64 TiB");
		return make_windows(capture->cpus, err);
	}
	request.ranges = ranges;
	request.count = range_count;
	status = lb_ident_count(&request, &size);
	if (status != LB_IDENT_OK)
		return lb_fail(err, "old memory: %s", lb_ident_status_text(status));

	bytes = size.pages * LB_PAGE;
	budget = lb_capture_tables(lb_heap_left(), capture->cpus, capture->target_count);
	if (bytes > budget) {
		lb_snprintf(how, how_bytes, "by windows: its tables would take %lu bytes, more than %lu",
			    bytes, budget);
		return make_windows(capture->cpus, err);
	}
	lb_snprintf(how, how_bytes,
		    "mapped by %lu bytes of tables, leaves %lu x 1 GiB, %lu x 2 MiB, %lu x 4 KiB", bytes,
		    size.leaves_1g, size.leaves_2m, size.leaves_4k);
	return graft(&request, bytes, err);
}

// Moves the window. A block of 2 MiB that is RAM throughout is mapped whole. Of other blocks only one page is
// mapped, at the window's beginning. Nothing else is ever mapped, so no speculative read reaches a device.
// One INVLPG covers both kinds and the cached entry above (4.10.4.1).
static void slide(struct window *window, uint64_t phys, uint64_t bytes)
{
	window->shows.start = lb_align_down(phys, bytes);
	window->shows.end = window->shows.start + bytes;
	if (bytes == WINDOW_BYTES) {
		*window->entry = window->shows.start | LEAF_BITS | X86_PTE_PS;
	} else {
		window->table[0] = window->shows.start | LEAF_BITS;
		*window->entry = (uint64_t)(uintptr_t)window->table | TABLE_BITS;
	}
	cpu_invlpg(window->virt);
}

// `ranges` leaves out pages that are RAM only in part. The purgatory's window maps those pages. Only the
// first CPU reads them, for the ELF core, which has them to the byte.
const void *lb_old_page(uint32_t cpu, uint64_t phys)
{
	const struct lb_range page = {phys, phys + LB_PAGE};
	struct window *window;
	uint64_t block;

	if (lb_range_contains(machine->crash, page))
		return (const void *)(uintptr_t)phys;
	block = lb_old_ranges_block(ranges, range_count, phys);
	if (!block)
		return lb_window_map(&machine->window, phys, false);
	if (!windows)
		return (const void *)(uintptr_t)(LB_PAGING_OLD_BASE + phys);
	window = &windows[cpu < window_count ? cpu : 0];
	if (!lb_range_contains(window->shows, page))
		slide(window, phys, block);
	return (const void *)(uintptr_t)(window->virt + (phys - window->shows.start));
}

bool lb_old_page_copy(uint32_t cpu, uint64_t phys, void *to)
{
	return lb_copy_page(to, lb_old_page(cpu, phys));
}

void lb_old_page_forget(uint32_t cpu)
{
	if (windows && cpu < window_count)
		windows[cpu].shows = (struct lb_range){0, 0};
}
