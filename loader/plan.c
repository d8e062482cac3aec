// SPDX-License-Identifier: BSD-2-Clause
// Everything that can fail is done here, before anything is reserved. All allocations are
// EfiLoaderData: edk2 makes the most reserved memory it ever saw permanent.
#include "loader/plan.h"

#include "crash/plan/bootparams.h"
#include "crash/plan/e820_second.h"
#include "crash/plan/e820_uefi.h"
#include "crash/plan/elfcore.h"
#include "crash/plan/hotplug.h"
#include "crash/plan/kernel_arguments.h"
#include "lifeboat/x86.h"
#include "loader/brakes.h"
#include "loader/budget.h"
#include "loader/embedded.h"
#include "loader/firmware.h"
#include "loader/machine.h"
#include "loader/memmap.h"
#include "loader/options/consoles.h"
#include "loader/options/secure_boot.h"
#include "loader/pci_view.h"
#include "loader/print.h"
#include "loader/region.h"

#define NO5LVL_ROOM sizeof(LB_CMDLINE_NO5LVL) // room for a word that the purgatory may append
static int allocate_entries(struct lb_e820 *map, uint32_t capacity, struct lb_error *err)
{
	void *entries;

	if (EFI_ERROR(BS->AllocatePool(EfiLoaderData, capacity * sizeof(*map->entries), &entries)))
		return lb_fail(err, "firmware: no memory for %u e820 entries", capacity);
	*map = (struct lb_e820){.entries = entries, .capacity = capacity};
	return 0;
}

// Fills e820_saved: the map before the reservation, sealed.
static int snapshot(struct lb_plan *plan, struct lb_memmap *memmap, struct lb_error *err)
{
	if (lb_cmdline_nosoftreserve(plan->options->cmdline))
		lb_memmap_nosoftreserve(memmap);
	if (allocate_entries(&plan->saved, 2 * memmap->count + LB_SECOND_MAP_SPARE, err) != 0 ||
	    lb_e820_from_uefi(&plan->saved, memmap->ranges, memmap->count, err) != 0)
		return -1;
	lb_e820_seal(&plan->saved);
	return 0;
}

// Lists the places where RAM may appear. A machine with more of them than the handoff holds is armed all
// the same.
static void list_hotplug(struct lb_plan *plan)
{
	uint32_t left_out = lb_hotplug_ranges(&plan->machine.acpi.srat, &plan->saved, plan->hotplug,
					      LB_MAX_HOTPLUG, &plan->hotplug_count);

	if (left_out)
		lb_print_warning(
			"SRAT: more than %u places for hot-added memory; what is added in %u of them "
			"will not be in the dump",
			LB_MAX_HOTPLUG, left_out);
}

// Some firmware has a wrong MCFG. The purgatory may use neither RAM nor addresses beyond the CPU's as
// configuration space. An entry that is left out makes it use the ports.
static void judge_ecam(struct lb_plan *plan)
{
	struct lb_mcfg *mcfg = &plan->machine.acpi.mcfg;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < mcfg->count; i++) {
		const struct lb_ecam *entry = &mcfg->ecam[i];
		struct lb_range space = {entry->phys + entry->bus_first * LB_MIB,
					 entry->phys + (entry->bus_last + 1) * LB_MIB};

		if (space.end > space.start && space.end >> plan->machine.phys_bits == 0 &&
		    !lb_e820_ram(&plan->saved, space))
			mcfg->ecam[kept++] = *entry;
		else
			lb_print_warning("ACPI table MCFG: entry %u, 0x%lx-0x%lx, cannot be configuration "
					 "space; left out",
					 i, (unsigned long)space.start, (unsigned long)space.end);
	}
	mcfg->count = kept;
}

// Uses the console of the command line. Nobody signs a command line: while Secure Boot is on, it does not
// say where the purgatory writes.
static void follow_cmdline(struct lb_plan *plan)
{
	const struct lb_console *spcr = &plan->machine.acpi.spcr;
	struct lb_console console;
	char text[LB_CONSOLE_TEXT];

	if (!lb_console_of_cmdline(plan->options->cmdline, &console))
		return;
	if (plan->machine.secure_boot && !lb_secure_boot_console(&console, spcr))
		lb_print_warning(
			"Secure Boot is on: the first kernel's console %s is not followed: nobody signed "
			"that address",
			lb_console_format(&console, text));
	else
		plan->console = console;
}

// Chooses --console, else the first kernel's last console= that is a serial port, else SPCR, else none.
static int choose_console(struct lb_plan *plan, struct lb_error *err)
{
	const struct lb_options *options = plan->options;
	char text[LB_CONSOLE_TEXT];
	struct lb_error why;

	plan->console = plan->machine.acpi.spcr;
	if (!options->console_given) {
		follow_cmdline(plan);
		return 0;
	}
	plan->console = options->console;
	if (options->console.type == LB_CONSOLE_PCI &&
	    lb_pci_view_uart(&plan->machine, options->console.address, &plan->console, &why) != 0)
		return lb_fail(err, "--console %s: %s", lb_console_format(&options->console, text), why.text);
	return 0;
}

struct lb_mapped lb_plan_mapped(const struct lb_plan *plan)
{
	return lb_page_tables_mapped(&plan->machine, plan->layout.region, plan->hook_text, plan->hook_data);
}

uint32_t lb_plan_hotadd_slots(const struct lb_plan *plan)
{
	return plan->hotplug_count || lb_hotplug_special_bytes(&plan->saved) ? LB_HOTADD_SLOTS : 0;
}

static struct lb_capture_config_input capture_input(const struct lb_plan *plan)
{
	return (struct lb_capture_config_input){
		.options = plan->options,
		.machine = &plan->machine,
		.saved = &plan->saved,
		.targets = &plan->targets,
	};
}

static int measure(struct lb_plan *plan, struct lb_error *err)
{
	const struct lb_purgatory_header *purgatory = lb_embedded_purgatory(err);
	const struct lb_elfcore whole = {.saved = &plan->saved, .spare = lb_plan_hotadd_slots(plan)};
	const struct lb_range low = {0, LB_LOW_END};

	if (!purgatory)
		return -1;
	plan->need = (struct lb_layout_need){
		.kernel = plan->second.image.init_size,
		.initrd = plan->second.initrd->bytes,
		.setup_data = lb_bootparams_setup_data(plan->saved.count + LB_SECOND_MAP_SPARE),
		.cmdline = lb_strlen(plan->second_cmdline) + 1 + NO5LVL_ROOM,
		.page_tables = lb_layout_tables_bound(
			&plan->saved, plan->crashkernel.bytes ? plan->crashkernel.bytes : LB_GIB),
		.purgatory_text = purgatory->text_bytes,
		.purgatory_total = purgatory->total_bytes,
		.capture = plan->second.builtin ? lb_capture_config_bytes(plan->options) : 0,
		.e820_saved = plan->saved.count * sizeof(*plan->saved.entries),
		// Cutting a region out of one RAM entry adds at most one piece.
		.elfcorehdr = lb_elfcore_bytes(&whole) + 2 * sizeof(Elf64_Phdr),
		.notes = lb_elfcore_notes_bytes(plan->machine.acpi.madt.cpus),
		.backup = lb_e820_ram(&plan->saved, low),
	};
	return 0;
}

// Rounds the bytes of crashkernel= up to 2 MiB. `auto` has no size yet.
static int read_crashkernel(struct lb_plan *plan, struct lb_error *err)
{
	const struct lb_range everywhere = {0, UINT64_MAX};
	const char *spec = plan->options->crashkernel;

	if (lb_crashkernel_parse(spec, lb_e820_ram(&plan->saved, everywhere), &plan->crashkernel, err) != 0)
		return -1;
	if (plan->crashkernel.automatic)
		return 0;
	if (!plan->crashkernel.bytes)
		return lb_fail(err, "crashkernel=%s: gives a machine of this size nothing", spec);
	if (!lb_align_up_checked(plan->crashkernel.bytes, LB_REGION_STEP, &plan->crashkernel.bytes))
		return lb_fail(err, "crashkernel=%s: larger than any memory", spec);
	return 0;
}

// Refuses a size that is too small for the files, and names them. The layout would refuse it without their
// names.
static int check_size(const struct lb_plan *plan, struct lb_error *err)
{
	char kernel[16], initrd[16], all[16];
	uint64_t minimum;

	if (lb_layout_minimum(&plan->need, &minimum, err) != 0)
		return -1;
	if (minimum <= plan->crashkernel.bytes)
		return 0;
	return lb_fail(err, "crashkernel=%s: too small: %s takes %s, %s %s, all together %s",
		       plan->options->crashkernel, plan->second.name,
		       lb_format_size(kernel, sizeof(kernel), plan->need.kernel), plan->second.initrd->path,
		       lb_format_size(initrd, sizeof(initrd), plan->need.initrd),
		       lb_format_size(all, sizeof(all), minimum));
}

// Makes the second kernel's command line. The built-in one has struct lb_capture_config instead.
static int make_second_cmdline(struct lb_plan *plan, uint64_t elfcorehdr, struct lb_error *err)
{
	char consoles[256];
	const struct lb_cmdline_second second = {
		.elfcorehdr = elfcorehdr,
		.console = consoles,
		.user = plan->options->capture_args,
		.max = plan->second.image.cmdline_max,
	};

	plan->second_cmdline[0] = '\0';
	if (plan->second.builtin)
		return 0;
	lb_console_list(plan->options->cmdline, consoles, sizeof(consoles));
	return lb_cmdline_capture(&second, plan->second_cmdline, sizeof(plan->second_cmdline), err);
}

// Takes the size of crash memory from crashkernel=, or computes it.
static int size(struct lb_plan *plan, uint64_t *ret_bytes, struct lb_error *err)
{
	const struct lb_capture_config_input input = capture_input(plan);

	// The command line's length is part of the sum. This address has as many digits as the elfcorehdr's
	// can have.
	if (read_crashkernel(plan, err) != 0 || make_second_cmdline(plan, X86_END_OF_4LEVEL - 1, err) != 0 ||
	    measure(plan, err) != 0)
		return -1;
	if (plan->second.builtin)
		return lb_capture_config_size(&input, &plan->need, &plan->crashkernel, &plan->capture_size,
					      ret_bytes, err);
	if (plan->crashkernel.automatic) {
		if (lb_layout_auto(&plan->need, &plan->automatic, err) != 0)
			return -1;
		*ret_bytes = plan->automatic.total;
		return 0;
	}
	*ret_bytes = plan->crashkernel.bytes;
	return check_size(plan, err);
}

// Places memory below 4 GiB for a Linux's DMA, where crash memory lies above.
static int place_low(struct lb_plan *plan, const struct lb_region_search *search, struct lb_error *err)
{
	const struct lb_crashkernel *wanted = &plan->crashkernel;
	uint64_t bytes = wanted->low_given ? wanted->low_bytes : LB_LAYOUT_LOW_BYTES;

	if (plan->second.builtin || plan->layout.region.end <= LB_4GIB || !bytes)
		return 0;
	if (!lb_align_up_checked(bytes, LB_REGION_STEP, &bytes))
		return lb_fail(err, "crashkernel=%s: the low region is larger than any memory",
			       plan->options->crashkernel);
	return lb_region_find_low(search, plan->layout.region, bytes, &plan->crash_low, err);
}

// Takes the place of the proved boots, because a hibernated system expects it to be taken; else any place
// with room.
static int find_region(const struct lb_region_search *search, struct lb_place_request request,
		       struct lb_range *ret_region, struct lb_error *err)
{
	const struct lb_trial *proof = lb_brakes_proof();
	struct lb_place_request again = request;

	if (proof && !request.offset && lb_range_size(proof->crash) == request.bytes) {
		again.offset = proof->crash.start;
		if (lb_region_find(search, again, ret_region, NULL) == 0)
			return 0;
	}
	return lb_region_find(search, request, ret_region, err);
}

static int place(struct lb_plan *plan, struct lb_memmap *memmap, uint64_t bytes, struct lb_error *err)
{
	const struct lb_place_request request = {
		.bytes = bytes,
		.align = plan->second.image.alignment,
		.offset = plan->crashkernel.offset,
	};
	const struct lb_region_search search = {
		.saved = &plan->saved,
		.memmap = memmap,
		.srat = &plan->machine.acpi.srat,
		.above_4gib = plan->second.image.header.xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G,
		.high = plan->crashkernel.high,
	};
	struct lb_range region;

	if (find_region(&search, request, &region, err) != 0 ||
	    lb_layout(&plan->need, region, &plan->layout, err) != 0)
		return -1;
	return place_low(plan, &search, err);
}

// Makes what depends on the place: the second kernel's map and command line, the tables.
static int finish(struct lb_plan *plan, struct lb_error *err)
{
	const struct lb_capture_config_input input = capture_input(plan);
	const struct lb_mapped mapped = lb_plan_mapped(plan);
	const struct lb_crash_regions regions = {plan->layout.region, plan->layout.ram, plan->crash_low};

	if (allocate_entries(&plan->second_map, plan->saved.count + LB_SECOND_MAP_SPARE, err) != 0 ||
	    lb_e820_second(&plan->saved, &regions, &plan->second_map, err) != 0)
		return -1;
	lb_e820_seal(&plan->second_map);
	if (make_second_cmdline(plan, plan->layout.elfcorehdr.start, err) != 0)
		return -1;
	if (lb_strlen(plan->second_cmdline) + 1 + NO5LVL_ROOM > lb_range_size(plan->layout.cmdline))
		return lb_fail(err, "the second kernel's command line: %lu bytes do not fit into %lu",
			       (unsigned long)lb_strlen(plan->second_cmdline),
			       (unsigned long)lb_range_size(plan->layout.cmdline));
	if (plan->second.builtin)
		lb_capture_config_plan(&input, plan->capture_size.cpus, plan->layout.free, &plan->capture);
	return lb_page_tables_count(&mapped, &plan->tables, err);
}

// Reads the memory map, and judges the machine by it.
static int survey(struct lb_plan *plan, struct lb_memmap *memmap, struct lb_error *err)
{
	if (lb_memmap_read(memmap, err) != 0 || snapshot(plan, memmap, err) != 0)
		return -1;
	list_hotplug(plan);
	judge_ecam(plan);
	return 0;
}

int lb_plan_judge_evidence(const struct lb_plan *plan, struct lb_error *err)
{
	const char *warning = lb_evidence_warning(&plan->evidence);

	if (lb_options_late(plan->options) && lb_evidence_late(&plan->evidence, err) != 0)
		return -1;
	if (warning)
		lb_print_warning("%s", warning);
	return plan->options->require ? lb_evidence_require(&plan->evidence, err) : 0;
}

// Judges ECAM by the map of now. The map that counts is read after the targets are found. A region that is
// left out here is not judged again.
static int judge_ecam_early(struct lb_plan *plan, struct lb_error *err)
{
	struct lb_memmap memmap = {NULL, 0};
	int status = -1;

	if (lb_memmap_read(&memmap, err) == 0 && snapshot(plan, &memmap, err) == 0) {
		judge_ecam(plan);
		status = 0;
	}
	lb_memmap_free(&memmap);
	lb_plan_free(plan);
	return status;
}

// Called before the map is read: firmware may take memory to connect disks.
static int find_targets(struct lb_plan *plan, struct lb_error *err)
{
	if (judge_ecam_early(plan, err) != 0)
		return -1;
	lb_targets_find(&plan->options->dump, &plan->machine, &plan->targets);
	if (lb_brakes_aside() != LB_ASIDE_NOT)
		return lb_fail(err, "%s", lb_brakes_why());
	if (lb_budget_check(err) != 0)
		return -1;
	plan->evidence = (struct lb_evidence){
		.partitions = plan->targets.count,
		.kept = plan->targets.kept,
		.console = plan->console.type != LB_CONSOLE_NONE,
		.unmatched = plan->targets.unmatched,
	};
	return lb_plan_judge_evidence(plan, err);
}

// Makes what follows from the memory map.
static int settle(struct lb_plan *plan, struct lb_error *err)
{
	struct lb_memmap memmap = {NULL, 0};
	uint64_t bytes = 0;
	int status = -1;

	if (survey(plan, &memmap, err) == 0 && size(plan, &bytes, err) == 0 &&
	    place(plan, &memmap, bytes, err) == 0)
		status = finish(plan, err);
	lb_memmap_free(&memmap);
	return status;
}

int lb_plan_make(const struct lb_options *options, const struct lb_bzimage *first,
		 const struct lb_second_kernel *second, struct lb_plan *plan, struct lb_error *err)
{
	*plan = (struct lb_plan){.options = options, .first = *first, .second = *second};
	if (lb_machine_read(&plan->machine, err) != 0)
		return -1;
	if (plan->machine.encrypted)
		return lb_fail(err, "%s; Lifeboat cannot arm here", plan->machine.encrypted);
	if (plan->machine.secure_boot && lb_secure_boot_judge(options, &plan->machine.acpi.spcr, err) != 0)
		return -1;
	if (!lb_options_late(options) &&
	    lb_cmdline_armed(options->cmdline, options->panic_words, first->cmdline_max, plan->first_cmdline,
			     sizeof(plan->first_cmdline), err) != 0)
		return -1;
	if (choose_console(plan, err) != 0)
		return -1;
	if (second->builtin && find_targets(plan, err) != 0)
		return -1;
	return settle(plan, err);
}

int lb_plan_again(struct lb_plan *plan, struct lb_error *err)
{
	lb_plan_free(plan);
	plan->crash_low = (struct lb_range){0, 0};
	return settle(plan, err);
}

static int assume_region(struct lb_plan *plan, struct lb_memmap *memmap, struct lb_error *err)
{
	struct lb_place_request request = {.align = LB_REGION_STEP};
	struct lb_region_search search = {.saved = &plan->saved,
					  .memmap = memmap,
					  .srat = &plan->machine.acpi.srat,
					  .above_4gib = true};

	if (read_crashkernel(plan, err) != 0)
		return -1;
	request.bytes = plan->crashkernel.automatic ? LB_ASSUMED_BYTES : plan->crashkernel.bytes;
	request.offset = plan->crashkernel.offset;
	search.high = plan->crashkernel.high;
	return lb_region_find(&search, request, &plan->layout.region, err);
}

int lb_plan_assume(const struct lb_options *options, struct lb_plan *plan, struct lb_error *err)
{
	struct lb_memmap memmap = {NULL, 0};
	int status = -1;

	*plan = (struct lb_plan){.options = options};
	lb_machine_read_cpu(&plan->machine);
	if (lb_memmap_read(&memmap, err) == 0 && snapshot(plan, &memmap, err) == 0)
		status = assume_region(plan, &memmap, err);
	lb_memmap_free(&memmap);
	return status;
}

void lb_plan_free(struct lb_plan *plan)
{
	if (plan->saved.entries)
		BS->FreePool(plan->saved.entries);
	if (plan->second_map.entries)
		BS->FreePool(plan->second_map.entries);
	plan->saved.entries = plan->second_map.entries = NULL;
}
