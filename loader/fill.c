// SPDX-License-Identifier: BSD-2-Clause
#include "loader/fill.h"

#include "crash/plan/bootparams.h"
#include "crash/plan/elfcore.h"
#include "lib/mem.h"
#include "lib/sha256.h"
#include "loader/canaries.h"
#include "loader/firmware.h"
#include "loader/keys.h"
#include "loader/payload.h"
#include "loader/screen.h"

static void *at(struct lb_range range)
{
	return (void *)(uintptr_t)range.start;
}

static void zero(struct lb_range range)
{
	memset(at(range), 0, lb_range_size(range));
}

static void fill_purgatory(const struct lb_plan *plan)
{
	size_t bytes = (size_t)(lb_payload_purgatory_end - lb_payload_purgatory);

	zero(plan->layout.purgatory_text);
	zero(plan->layout.purgatory_data);
	memcpy(at(plan->layout.purgatory_text), lb_payload_purgatory, bytes); // text and data are adjacent
}

static int fill_second_kernel(const struct lb_plan *plan, struct lb_error *err)
{
	const struct lb_layout *layout = &plan->layout;
	const struct lb_second_kernel *second = &plan->second;
	struct screen_info screen;
	struct lb_bootparams_input input = {
		.image = &second->image,
		.layout = layout,
		.initrd_bytes = second->initrd->bytes,
		.map = &plan->second_map,
		.screen = lb_screen_read(&screen) ? &screen : NULL,
		.rsdp = plan->machine.rsdp,
	};

	memcpy(at(layout->kernel), second->image.kernel, second->image.kernel_bytes);
	if (second->initrd->bytes) {
		zero(layout->initrd);
		memcpy(at(layout->initrd), second->initrd->data, second->initrd->bytes);
	}
	zero(layout->boot_params);
	zero(layout->setup_data);
	zero(layout->cmdline);
	memcpy(at(layout->cmdline), plan->second_cmdline, lb_strlen(plan->second_cmdline));
	return lb_bootparams_build(&input, at(layout->boot_params),
				   lb_range_empty(layout->setup_data) ? NULL : at(layout->setup_data), err);
}

static int fill_capture_config(struct lb_plan *plan, struct lb_error *err)
{
	const struct lb_recipients *recipients = &plan->options->dump.recipients;
	struct lb_capture_config *capture = &plan->capture;

	zero(plan->layout.capture);
	lb_capture_config_arm(plan->layout.handoff.start, capture);
	if (recipients->count) {
		capture->crypt = lb_align_up(plan->layout.capture.start + sizeof(*capture), sizeof(uint64_t));
		if (lb_keys_make(recipients, capture->target_count, capture->arm_id,
				 (struct lb_crypt *)(uintptr_t)capture->crypt, err) != 0)
			return -1;
	}
	memcpy(at(plan->layout.capture), capture, sizeof(*capture));
	return 0;
}

static int fill_elfcorehdr(const struct lb_plan *plan, struct lb_handoff *handoff, struct lb_error *err)
{
	const struct lb_layout *layout = &plan->layout;
	struct lb_elfcore core = {
		.saved = &plan->saved,
		.crash = layout->region,
		.crash_low = plan->crash_low,
		.spare = lb_plan_hotadd_slots(plan),
		.swap = handoff->swap,
		.notes = layout->notes,
	};

	zero(layout->elfcorehdr);
	zero(layout->notes);
	zero(layout->backup);
	if (lb_elfcore_swap(&plan->saved, layout->backup, handoff->swap, LB_MAX_SWAP_RANGES,
			    &handoff->swap_count, err) != 0)
		return -1;
	core.swap_count = handoff->swap_count;
	return lb_elfcore_template(&core, at(layout->elfcorehdr), lb_range_size(layout->elfcorehdr), err);
}

static int fill_tables(struct lb_plan *plan, struct lb_handoff *handoff, struct lb_error *err)
{
	const struct lb_mapped mapped = lb_plan_mapped(plan);
	struct lb_ident_tables tables;

	zero(plan->layout.page_tables);
	if (lb_page_tables_build(&mapped, plan->layout.page_tables, &tables, err) != 0)
		return -1;
	plan->tables = tables.size;
	handoff->cr3_4level = tables.cr3_4level;
	handoff->cr3_5level = tables.cr3_5level;
	handoff->window = tables.window;
	handoff->device_window = tables.device_window;
	return 0;
}

static void add_segment(struct lb_plan *plan, const char *name, struct lb_range range, uint64_t bytes)
{
	struct lb_segment *segment = &plan->segments[plan->segment_count++];

	*segment = (struct lb_segment){.phys = range.start, .bytes = bytes};
	lb_snprintf(segment->name, sizeof(segment->name), "%s", name);
	lb_sha256(at(range), bytes, segment->sha256);
}

// Digests everything that has to stay unchanged until the purgatory checks it.
static void digest(struct lb_plan *plan, struct lb_handoff *handoff)
{
	const struct lb_layout *layout = &plan->layout;

	plan->segment_count = 0;
	add_segment(plan, "kernel", layout->kernel, plan->second.image.kernel_bytes);
	if (plan->second.initrd->bytes)
		add_segment(plan, "initrd", layout->initrd, plan->second.initrd->bytes);
	add_segment(plan, "boot_params", layout->boot_params, lb_range_size(layout->boot_params));
	if (!lb_range_empty(layout->setup_data))
		add_segment(plan, "setup_data", layout->setup_data, lb_range_size(layout->setup_data));
	add_segment(plan, "cmdline", layout->cmdline, lb_range_size(layout->cmdline));
	add_segment(plan, "page_tables", layout->page_tables, lb_range_size(layout->page_tables));
	add_segment(plan, "purgatory", layout->purgatory_text, lb_range_size(layout->purgatory_text));
	if (plan->second.builtin)
		add_segment(plan, "capture", layout->capture, lb_range_size(layout->capture));
	add_segment(plan, "e820_saved", layout->e820_saved, lb_range_size(layout->e820_saved));
	add_segment(plan, "elfcorehdr", layout->elfcorehdr, lb_range_size(layout->elfcorehdr));
	handoff->segment_count = plan->segment_count;
	memcpy(handoff->segments, plan->segments, plan->segment_count * sizeof(*plan->segments));
}

static void describe_machine(const struct lb_plan *plan, struct lb_handoff *handoff)
{
	const struct lb_acpi_facts *acpi = &plan->machine.acpi;

	handoff->hpet = acpi->hpet;
	handoff->has_8259 = acpi->madt.has_8259;
	handoff->ioapic_count = acpi->madt.ioapic_count;
	memcpy(handoff->ioapic, acpi->madt.ioapic, sizeof(handoff->ioapic));
	handoff->ecam_count = acpi->mcfg.count;
	memcpy(handoff->ecam, acpi->mcfg.ecam, sizeof(handoff->ecam));
	handoff->hotplug_count = plan->hotplug_count;
	memcpy(handoff->hotplug, plan->hotplug, sizeof(handoff->hotplug));
	handoff->elfcorehdr_spare = lb_plan_hotadd_slots(plan);
	handoff->console = plan->console;
	handoff->on_mismatch = plan->options->on_mismatch;
	handoff->on_fault = plan->options->on_mismatch;
}

static void describe_layout(const struct lb_plan *plan, struct lb_handoff *handoff)
{
	const struct lb_layout *layout = &plan->layout;
	const struct lb_purgatory_header *purgatory = at(layout->purgatory_text);

	handoff->magic = LB_HANDOFF_MAGIC;
	handoff->version = LB_HANDOFF_VERSION;
	handoff->bytes = sizeof(*handoff);
	handoff->self = layout->handoff.start;
	handoff->live = layout->live.start;
	handoff->purgatory_entry = layout->purgatory_text.start + purgatory->entry;
	handoff->e820_saved = layout->e820_saved.start;
	handoff->e820_saved_count = plan->saved.count;
	handoff->cpu_slots = plan->machine.acpi.madt.cpus;
	handoff->elfcorehdr = layout->elfcorehdr.start;
	handoff->elfcorehdr_bytes = lb_range_size(layout->elfcorehdr);
	handoff->notes = layout->notes.start;
	handoff->notes_bytes = lb_range_size(layout->notes);
	handoff->crash = layout->region;
	handoff->crash_ram = layout->ram;
	handoff->crash_low = plan->crash_low;
	handoff->kernel_entry = layout->kernel.start + plan->second.entry;
	handoff->capture = lb_range_empty(layout->capture) ? 0 : layout->capture.start;
	handoff->boot_params = layout->boot_params.start;
	handoff->cmdline = layout->cmdline.start;
	handoff->cmdline_room = lb_range_size(layout->cmdline);
	lb_snprintf(handoff->first_kernel_release, sizeof(handoff->first_kernel_release), "%s",
		    plan->first.release);
}

int lb_fill(struct lb_plan *plan, struct lb_handoff *handoff, struct lb_error *err)
{
	const struct lb_layout *layout = &plan->layout;
	struct lb_handoff_live *live = at(layout->live);

	zero(layout->handoff);
	zero(layout->live);
	live->magic = LB_LIVE_MAGIC;
	live->stage = LB_STAGE_ARMED;

	zero(layout->e820_saved);
	memcpy(at(layout->e820_saved), plan->saved.entries, plan->saved.count * sizeof(*plan->saved.entries));
	fill_purgatory(plan);
	if (plan->second.builtin && fill_capture_config(plan, err) != 0)
		return -1;
	if (fill_second_kernel(plan, err) != 0 || fill_elfcorehdr(plan, handoff, err) != 0 ||
	    fill_tables(plan, handoff, err) != 0)
		return -1;
	lb_canaries_put(layout->free);
	describe_layout(plan, handoff);
	describe_machine(plan, handoff);
	digest(plan, handoff);
	lb_sha256(handoff, LB_HANDOFF_SEALED_BYTES, handoff->sha256);
	return 0;
}
