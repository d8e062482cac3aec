// SPDX-License-Identifier: BSD-2-Clause
#include "loader/print_plan.h"

#include "crash/disk/target_kind.h"
#include "crash/plan/dumpsize.h"
#include "crash/plan/hotplug.h"
#include "lib/mem.h"
#include "loader/print.h"

#define SIZE_TEXT 16
#define BRIDGES_TEXT 24
#define UNIT_TEXT 32 // " target 65535 LUN 65535"

static void print_range(const struct lb_plan *plan, const char *name, struct lb_range range)
{
	char size[SIZE_TEXT], digest[2 * 4 + 1] = "";

	if (lb_range_empty(range))
		return;
	for (uint32_t i = 0; plan->armed && i < plan->segment_count; i++)
		for (size_t j = 0; plan->segments[i].phys == range.start && j < 4; j++)
			lb_snprintf(digest + 2 * j, 3, "%02x", plan->segments[i].sha256[j]);
	lb_print_answer("  %-16s 0x%012lx-0x%012lx  %-10s %s\n", name, (unsigned long)range.start,
			(unsigned long)range.end, lb_format_size(size, sizeof(size), lb_range_size(range)),
			digest);
}

static void print_regions(const struct lb_plan *plan)
{
	const struct lb_layout *layout = &plan->layout;
	const struct {
		const char *name;
		struct lb_range range;
	} rows[] = {
		{"kernel", layout->kernel},
		{"heap", plan->capture.heap},
		{"initrd", layout->initrd},
		{"boot_params", layout->boot_params},
		{"setup_data", layout->setup_data},
		{"command line", layout->cmdline},
		{"page tables", layout->page_tables},
		{"purgatory text", layout->purgatory_text},
		{"purgatory data", layout->purgatory_data},
		{"handoff", layout->handoff},
		{"handoff, live", layout->live},
		{"capture", layout->capture},
		{"e820_saved", layout->e820_saved},
		{"elfcorehdr", layout->elfcorehdr},
		{"notes", layout->notes},
		{"low 1 MiB backup", layout->backup},
		{"hook text", plan->hook_text},
		{"hook data", plan->hook_data},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		print_range(plan, rows[i].name, rows[i].range);
}

static void print_special(const struct lb_plan *plan)
{
	const uint64_t bytes = lb_hotplug_special_bytes(&plan->saved);
	char size[SIZE_TEXT];

	if (bytes)
		lb_print_answer(
			"  %s soft-reserved or persistent: in the dump where the kernel uses it as RAM\n",
			lb_format_size(size, sizeof(size), bytes));
}

static void print_size_terms(const struct lb_plan *plan)
{
	const struct lb_layout_auto *terms = &plan->automatic;
	char minimum[SIZE_TEXT], initrd[SIZE_TEXT], sections[SIZE_TEXT], run[SIZE_TEXT], total[SIZE_TEXT];

	if (plan->second.builtin || !plan->crashkernel.automatic)
		return;
	lb_print_answer("auto: contents %s + initrd unpacked %s + sections %s + to run %s = %s, rounded up\n",
			lb_format_size(minimum, sizeof(minimum), terms->minimum),
			lb_format_size(initrd, sizeof(initrd), terms->unpacked_initrd),
			lb_format_size(sections, sizeof(sections), terms->sections),
			lb_format_size(run, sizeof(run), terms->run),
			lb_format_size(total, sizeof(total), terms->total));
}

// Names the unit behind the controller, with a blank in front.
static void format_unit(const struct lb_target *target, char unit[UNIT_TEXT])
{
	switch (target->kind) {
	case LB_TARGET_NVME:
		lb_snprintf(unit, UNIT_TEXT, " namespace %u", target->unit);
		break;
	case LB_TARGET_AHCI:
		lb_snprintf(unit, UNIT_TEXT, " port %u", target->unit);
		break;
	case LB_TARGET_VIRTIO_SCSI:
	case LB_TARGET_PVSCSI:
		lb_snprintf(unit, UNIT_TEXT, " target %u LUN %u", LB_SCSI_UNIT_TARGET(target->unit),
			    LB_SCSI_UNIT_LUN(target->unit));
		break;
	default: // the controller is the disk
		unit[0] = '\0';
		break;
	}
}

// Tells how many bridges have to be powered for this target.
static const char *format_bridges(const struct lb_target *target, char text[BRIDGES_TEXT])
{
	uint32_t count = 0;

	while (count < LB_MAX_BRIDGES && target->bridges[count])
		count++;
	text[0] = '\0';
	if (count)
		lb_snprintf(text, BRIDGES_TEXT, " behind %u bridge%s", count, count == 1 ? "" : "s");
	return text;
}

static void print_targets(const struct lb_plan *plan)
{
	const struct lb_capture_config *capture = &plan->capture;

	for (uint32_t i = 0; i < capture->target_count; i++) {
		const struct lb_target *target = &capture->targets[i];
		char size[SIZE_TEXT], unit[UNIT_TEXT], bridges[BRIDGES_TEXT];

		format_unit(target, unit);
		lb_print_answer("dump to %s:\n  %s %04x:%02x:%02x.%x%s%s, blocks %lu-%lu of %u bytes, %s\n",
				target->name, lb_target_kind_name(target->kind), target->pci.segment,
				target->pci.bus, target->pci.device, target->pci.function, unit,
				format_bridges(target, bridges), (unsigned long)target->first_block,
				(unsigned long)target->last_block, target->block_bytes,
				lb_format_size(size, sizeof(size), lb_target_bytes(target)));
	}
	if (plan->options->dump.recipients.count)
		lb_print_answer("log, report and dump: encrypted to %u recipients\n",
				plan->options->dump.recipients.count);
	if (!capture->target_count)
		lb_print_answer("dump to: no partition; %s\n", plan->options->dump.recipients.count
								       ? "a panic leaves nothing"
								       : "the log goes to the console");
}

static void print_screen(const struct lb_screen_config *screen)
{
	if (screen->base)
		lb_print_answer(
			"screen: %s; %ux%u, %u bytes a line, at 0x%lx in BAR %u of %04x:%02x:%02x.%x\n",
			lb_screen_policy_name((enum lb_screen_policy)screen->policy), screen->width,
			screen->height, screen->stride, (unsigned long)screen->base, screen->bar_index,
			screen->pci.segment, screen->pci.bus, screen->pci.device, screen->pci.function);
	else
		lb_print_answer("screen: none\n");
}

static void print_estimate(const struct lb_plan *plan)
{
	const struct lb_range everywhere = {0, UINT64_MAX};
	const struct lb_dump_estimate estimate =
		lb_dump_estimate(lb_e820_ram(&plan->saved, everywhere) / LB_PAGE,
				 (enum lb_dump_format)plan->capture.format, plan->capture.cpus);
	const uint64_t most = plan->options->dump.recipients.count ? lb_dump_size_encrypted(estimate.largest)
								   : estimate.largest;
	char bytes[SIZE_TEXT], largest[SIZE_TEXT];

	lb_print_answer("a dump, by estimate: %s in %u s, at most %s in %u s\n",
			lb_format_size(bytes, sizeof(bytes), estimate.bytes), estimate.seconds,
			lb_format_size(largest, sizeof(largest), most), estimate.most_seconds);
}

// Prints the built-in capture kernel's memory by purpose, its settings and its targets.
static void print_capture(const struct lb_plan *plan)
{
	const struct lb_capture_size *size = &plan->capture_size;
	const struct lb_capture_config *capture = &plan->capture;
	char contents[SIZE_TEXT], buffers[SIZE_TEXT], helpers[SIZE_TEXT], tables[SIZE_TEXT], slack[SIZE_TEXT];

	lb_print_answer("memory: contents %s + buffers %s + CPUs %s + tables %s + %s\n",
			lb_format_size(contents, sizeof(contents), size->contents),
			lb_format_size(buffers, sizeof(buffers), size->buffers),
			lb_format_size(helpers, sizeof(helpers), size->helpers),
			size->tables ? lb_format_size(tables, sizeof(tables), size->tables) : "(a window)",
			lb_format_size(slack, sizeof(slack), size->slack));
	lb_print_answer("second kernel: built-in, %s -d %u, %u of %u CPUs; then %s, failed: %s\n",
			lb_dump_format_name(capture->format), capture->dump_level, capture->cpus,
			capture->apic_count, lb_capture_end_name(capture->end),
			lb_capture_end_name(capture->end_failed));
	print_estimate(plan);
	print_screen(&capture->screen);
	print_targets(plan);
	for (uint32_t i = 0; lb_acpi_unstoppable(&plan->machine.acpi, i); i++)
		lb_print_answer("watchdog that nothing stops after a panic: %s\n",
				lb_acpi_unstoppable(&plan->machine.acpi, i));
}

static void print_tables(const struct lb_plan *plan)
{
	const struct lb_ident_size *tables = &plan->tables;
	unsigned long page = (unsigned long)LB_PAGE;

	lb_print_answer("page tables: %lu bytes = PML5 %lu + PML4 %lu + PDPT %lu + PD %lu + PT %lu\n",
			tables->pages * page, tables->pml5 * page, tables->pml4 * page, tables->pdpt * page,
			tables->pd * page, tables->pt * page);
	if (!plan->armed)
		lb_print_answer("  and at most %lu more for the hook's image, once armed\n",
				LB_HOOK_TABLES * page);
	lb_print_answer("  leaves: %lu of 4 KiB, %lu of 2 MiB, %lu of 1 GiB\n",
			(unsigned long)tables->leaves_4k, (unsigned long)tables->leaves_2m,
			(unsigned long)tables->leaves_1g);
}

static const char *console_text(const struct lb_console *console, char *text, size_t bytes)
{
	switch (console->type) {
	case LB_CONSOLE_PORT:
		lb_snprintf(text, bytes, "port 0x%lx", (unsigned long)console->address);
		return text;
	case LB_CONSOLE_MMIO:
		lb_snprintf(text, bytes, "mmio 0x%lx", (unsigned long)console->address);
		return text;
	case LB_CONSOLE_MMIO32:
		lb_snprintf(text, bytes, "mmio32 0x%lx", (unsigned long)console->address);
		return text;
	default:
		return "none";
	}
}

static void print_for_programs(const struct lb_plan *plan)
{
	const struct lb_ident_size *tables = &plan->tables;
	const struct lb_layout *layout = &plan->layout;
	const struct lb_handoff *handoff = (const struct lb_handoff *)(uintptr_t)layout->handoff.start;
	unsigned long page = (unsigned long)LB_PAGE;

	lb_print_answer("lifeboat: plan crash=0x%lx-0x%lx crash_bytes=%lu\n",
			(unsigned long)layout->region.start, (unsigned long)layout->region.end,
			(unsigned long)lb_range_size(layout->region));
	lb_print_answer("lifeboat: plan crash_low=0x%lx-0x%lx crash_low_bytes=%lu\n",
			(unsigned long)plan->crash_low.start, (unsigned long)plan->crash_low.end,
			(unsigned long)lb_range_size(plan->crash_low));
	lb_print_answer("lifeboat: plan page_table_bytes=%lu pml5=%lu pml4=%lu\n", tables->pages * page,
			tables->pml5 * page, tables->pml4 * page);
	lb_print_answer("lifeboat: plan pdpt=%lu pd=%lu pt=%lu gib_pages=%u\n", tables->pdpt * page,
			tables->pd * page, tables->pt * page, plan->machine.gib_pages);
	lb_print_answer("lifeboat: plan leaves_4k=%lu leaves_2m=%lu leaves_1g=%lu\n",
			(unsigned long)tables->leaves_4k, (unsigned long)tables->leaves_2m,
			(unsigned long)tables->leaves_1g);
	lb_print_answer("lifeboat: plan page_tables=0x%lx-0x%lx\n", (unsigned long)layout->page_tables.start,
			(unsigned long)layout->page_tables.end);
	lb_print_answer("lifeboat: plan handoff=0x%lx purgatory_entry=0x%lx\n",
			(unsigned long)layout->handoff.start, (unsigned long)handoff->purgatory_entry);
	lb_print_answer("lifeboat: plan hook_text=0x%lx-0x%lx\n", (unsigned long)plan->hook_text.start,
			(unsigned long)plan->hook_text.end);
	lb_print_answer("lifeboat: plan hook_data=0x%lx-0x%lx\n", (unsigned long)plan->hook_data.start,
			(unsigned long)plan->hook_data.end);
}

void lb_print_plan(const struct lb_plan *plan)
{
	char size[SIZE_TEXT], console[32];

	lb_print_answer("crash memory: 0x%lx-0x%lx, %s%s\n", (unsigned long)plan->layout.region.start,
			(unsigned long)plan->layout.region.end,
			lb_format_size(size, sizeof(size), lb_range_size(plan->layout.region)),
			plan->armed ? ", armed" : "");
	if (!lb_range_empty(plan->crash_low))
		lb_print_answer("  and below 4 GiB, for DMA: 0x%lx-0x%lx, %s\n",
				(unsigned long)plan->crash_low.start, (unsigned long)plan->crash_low.end,
				lb_format_size(size, sizeof(size), lb_range_size(plan->crash_low)));
	for (uint32_t i = 0; i < plan->hotplug_count; i++)
		lb_print_answer("  memory may be added at 0x%lx-0x%lx: looked for after a panic\n",
				(unsigned long)plan->hotplug[i].start, (unsigned long)plan->hotplug[i].end);
	print_special(plan);
	print_size_terms(plan);
	print_regions(plan);
	print_tables(plan);
	lb_print_answer("console: %s; on a fault: %s; %u CPUs\n",
			console_text(&plan->console, console, sizeof(console)),
			lb_policy_name(plan->options->on_mismatch), plan->machine.acpi.madt.cpus);
	if (lb_options_late(plan->options))
		lb_print_answer("first kernel: the Linux that leaves boot services\n");
	else
		lb_print_answer("first kernel %s: %s\n", plan->first.release, plan->first_cmdline);
	if (plan->second.builtin)
		print_capture(plan);
	else
		lb_print_answer("second kernel %s: %s\n", plan->second.image.release, plan->second_cmdline);
	if (plan->armed)
		print_for_programs(plan);
}
