// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/layout.h"

#include "crash/plan/place.h"
#include "lifeboat/handoff.h"
#include "lifeboat/x86.h"
#include "pgtable/footprint.h"

// The border at which a region costs the second kernel most: the region begins right below the border of a
// section, and of what a page of section descriptors covers (32 GiB), which is not the one of the low 1 MiB.
#define WORST_BORDER (64 * LB_GIB)

// Packed to unpacked. An initramfs of modules and tools compressed with zstd or xz
// comes to 3 to 4.
#define UNPACK_FACTOR 4

// A kernel on one CPU with a shell and makedumpfile: kernel text and data that init_size
// does not free again, per-CPU memory, slab, driver buffers (about 48 MiB on Debian's
// generic kernel), makedumpfile with its bitmap buffer (about 16 MiB), page cache to
// write through (32 MiB).
#define RUN_BYTES (96 * LB_MIB)

// Page-rounded sums of what each part takes.
struct parts {
	uint64_t kernel, initrd, setup_data, cmdline;
	uint64_t page_tables, purgatory_text, purgatory_total, capture, e820_saved, elfcorehdr, notes, backup;
	uint64_t upper; // RAM of the second kernel above the free memory
	uint64_t tail; // not RAM
	uint64_t total;
};

#define BOOT_PARAMS_BYTES LB_PAGE // sizeof(struct boot_params) is one page, by protocol
// Pages of their own: one is sealed, the other written after the panic.
#define HANDOFF_BYTES lb_align_up(sizeof(struct lb_handoff), LB_PAGE)
#define LIVE_BYTES lb_align_up(sizeof(struct lb_handoff_live), LB_PAGE)

uint64_t lb_layout_tables_bound(const struct lb_e820 *saved, uint64_t bytes)
{
	const struct lb_range beyond = {X86_PDPT_BYTES, UINT64_MAX};
	uint64_t pages = 2 // roots
			 + 1 // PDPT of the low 1 MiB
			 + 2 // its PD and PT
			 + bytes / LB_GIB + 2 // a PD for each GiB the region touches
			 + LB_HOOK_TABLES;

	if (lb_e820_ram(saved, beyond))
		pages += bytes / X86_PDPT_BYTES + 2; // a PDPT for each 512 GiB it touches up there
	return pages * LB_PAGE;
}

static int round_part(const char *name, uint64_t bytes, uint64_t *ret_bytes, struct lb_error *err)
{
	if (!lb_align_up_checked(bytes, LB_PAGE, ret_bytes))
		return lb_fail(err, "crash region: %s of 0x%lx bytes is more than 64 bits can address", name,
			       bytes);
	return 0;
}

// Adds up; false on wrap-around.
static bool sum(const uint64_t *terms, unsigned int count, uint64_t *ret_sum)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (__builtin_add_overflow(total, terms[i], &total))
			return false;
	}
	*ret_sum = total;
	return true;
}

#define SUM(ret, ...)                                                                                        \
	sum((const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), ret)

static int measure(const struct lb_layout_need *need, struct parts *parts, struct lb_error *err)
{
	if (need->kernel == 0)
		return lb_fail(err, "crash region: the second kernel has no size");
	if (!lb_aligned(need->purgatory_text, LB_PAGE) || need->purgatory_text > need->purgatory_total)
		return lb_fail(
			err,
			"crash region: the purgatory's text is 0x%lx bytes of 0x%lx, wanted whole pages, "
			"not more than the total",
			need->purgatory_text, need->purgatory_total);
	if (round_part("the second kernel", need->kernel, &parts->kernel, err) != 0 ||
	    round_part("the capture initrd", need->initrd, &parts->initrd, err) != 0 ||
	    round_part("setup_data", need->setup_data, &parts->setup_data, err) != 0 ||
	    round_part("the command line", need->cmdline, &parts->cmdline, err) != 0 ||
	    round_part("the page tables", need->page_tables, &parts->page_tables, err) != 0 ||
	    round_part("the purgatory", need->purgatory_total, &parts->purgatory_total, err) != 0 ||
	    round_part("the capture configuration", need->capture, &parts->capture, err) != 0 ||
	    round_part("e820_saved", need->e820_saved, &parts->e820_saved, err) != 0 ||
	    round_part("the ELF core header", need->elfcorehdr, &parts->elfcorehdr, err) != 0 ||
	    round_part("the notes area", need->notes, &parts->notes, err) != 0 ||
	    round_part("the backup of low memory", need->backup, &parts->backup, err) != 0)
		return -1;
	parts->purgatory_text = need->purgatory_text;
	if (!SUM(&parts->upper, parts->initrd, BOOT_PARAMS_BYTES, parts->setup_data, parts->cmdline) ||
	    !SUM(&parts->tail, parts->page_tables, parts->purgatory_total, HANDOFF_BYTES, LIVE_BYTES,
		 parts->capture, parts->e820_saved, parts->elfcorehdr, parts->notes, parts->backup) ||
	    !SUM(&parts->total, parts->kernel, parts->upper, parts->tail))
		return lb_fail(err, "crash region: its parts together are more than 64 bits can address");
	return 0;
}

int lb_layout_minimum(const struct lb_layout_need *need, uint64_t *ret_bytes, struct lb_error *err)
{
	struct parts parts;

	if (measure(need, &parts, err) != 0)
		return -1;
	*ret_bytes = parts.total;
	return 0;
}

// Memory map and section tables of a second kernel with a region of `bytes`, at most
// 2 TiB, wherever it lies: with 5-level paging, whose tables are larger.
static uint64_t sections_bytes(uint64_t bytes)
{
	const struct lb_range ram[] = {
		{0, LB_LOW_END},
		{WORST_BORDER - LB_REGION_STEP,
		 WORST_BORDER - LB_REGION_STEP + lb_align_up(bytes, LB_REGION_STEP)},
	};
	struct lb_footprint_sections sections = {0};

	lb_footprint_sections(ram, sizeof(ram) / sizeof(ram[0]), true, &sections); // sorted and low enough
	return sections.total_bytes;
}

int lb_layout_auto(const struct lb_layout_need *need, struct lb_layout_auto *ret_auto, struct lb_error *err)
{
	struct lb_layout_auto terms = {.run = RUN_BYTES};
	struct parts parts;
	uint64_t rest;
	uint64_t sections = 0;

	if (measure(need, &parts, err) != 0)
		return -1;
	terms.minimum = parts.total;
	if (__builtin_mul_overflow(parts.initrd, UNPACK_FACTOR, &terms.unpacked_initrd) ||
	    !SUM(&rest, terms.minimum, terms.unpacked_initrd, terms.run) || rest > LB_TIB)
		return lb_fail(
			err,
			"crash region: a capture initrd of 0x%lx bytes and a kernel of 0x%lx do not go "
			"into any region",
			need->initrd, need->kernel);
	// The tables describe themselves too; at 1/64 of what they describe this settles soon.
	do {
		terms.sections = sections;
		sections = sections_bytes(rest + terms.sections);
	} while (sections != terms.sections);
	terms.total = lb_align_up(rest + terms.sections, LB_REGION_STEP);
	*ret_auto = terms;
	return 0;
}

// The next `bytes` upward from *at, which is whole pages by measure().
static struct lb_range take(uint64_t *at, uint64_t bytes)
{
	struct lb_range range = {*at, *at + bytes};

	*at = range.end;
	return range;
}

static int fail_too_small(struct lb_range region, const struct parts *parts, struct lb_error *err)
{
	uint64_t has = lb_range_size(region);
	char has_text[16], wanted_text[16], more_text[16];

	return lb_fail(
		err,
		"crash region: %s is too small, the second kernel and what goes with it take %s, %s more",
		lb_format_size(has_text, sizeof(has_text), has),
		lb_format_size(wanted_text, sizeof(wanted_text), parts->total),
		lb_format_size(more_text, sizeof(more_text), parts->total - has));
}

int lb_layout(const struct lb_layout_need *need, struct lb_range region, struct lb_layout *ret_layout,
	      struct lb_error *err)
{
	struct lb_layout layout = {.region = region};
	struct parts parts;
	uint64_t at;

	if (measure(need, &parts, err) != 0)
		return -1;
	if (region.start < LB_REGION_MIN || region.end <= region.start ||
	    !lb_aligned(region.start, LB_REGION_STEP) || !lb_aligned(region.end, LB_REGION_STEP))
		return lb_fail(err, "crash region: 0x%lx-0x%lx, wanted 2 MiB borders at or above 16 MiB",
			       region.start, region.end);
	if (parts.total > lb_range_size(region))
		return fail_too_small(region, &parts, err);

	at = region.start;
	layout.kernel = take(&at, parts.kernel);
	layout.ram = (struct lb_range){region.start, region.end - parts.tail};

	layout.free = (struct lb_range){at, layout.ram.end - parts.upper};
	at = layout.free.end;
	layout.initrd = take(&at, parts.initrd);
	layout.boot_params = take(&at, BOOT_PARAMS_BYTES);
	layout.setup_data = take(&at, parts.setup_data);
	layout.cmdline = take(&at, parts.cmdline);

	layout.page_tables = take(&at, parts.page_tables);
	layout.purgatory_text = take(&at, parts.purgatory_text);
	layout.purgatory_data = take(&at, parts.purgatory_total - parts.purgatory_text);
	layout.handoff = take(&at, HANDOFF_BYTES);
	layout.live = take(&at, LIVE_BYTES);
	layout.capture = take(&at, parts.capture);
	layout.e820_saved = take(&at, parts.e820_saved);
	layout.elfcorehdr = take(&at, parts.elfcorehdr);
	layout.notes = take(&at, parts.notes);
	layout.backup = take(&at, parts.backup);
	*ret_layout = layout;
	return 0;
}
