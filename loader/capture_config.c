// SPDX-License-Identifier: BSD-2-Clause
#include "loader/capture_config.h"

#include "crash/plan/dumpsize.h"
#include "lib/mem.h"
#include "lifeboat/crypt.h"
#include "lifeboat/version.h"
#include "loader/clock.h"
#include "loader/firmware.h"
#include "loader/print.h"
#include "loader/random.h"
#include "loader/screen.h"
#include "pgtable/ident.h"

static uint32_t wanted_cpus(const struct lb_capture_config_input *input)
{
	uint32_t wanted = input->options->dump.cpus, there = input->machine->acpi.madt.apic_count;

	if (!wanted)
		wanted = LB_MAX_CAPTURE_CPUS;
	if (wanted > there)
		wanted = there;
	return wanted ? wanted : 1;
}

// Returns 0 also where there is no memory to count in.
static uint64_t ram_tables(const struct lb_capture_config_input *input)
{
	const struct lb_machine *machine = input->machine;
	const struct lb_capture_paging paging = {machine->phys_bits, machine->gib_pages, machine->la57};
	LB_CLEANUP(lb_pool_free)
	struct lb_ident_range *room = lb_pool_alloc((input->saved->count + 1) * sizeof(*room));

	return room ? lb_capture_ram_tables(input->saved, &paging, room) : 0;
}

int lb_capture_config_size(const struct lb_capture_config_input *input, const struct lb_layout_need *need,
			   const struct lb_crashkernel *crashkernel, struct lb_capture_size *ret_size,
			   uint64_t *ret_bytes, struct lb_error *err)
{
	const struct lb_range everywhere = {0, UINT64_MAX};
	uint64_t limit = crashkernel->automatic
				 ? lb_capture_limit(wanted_cpus(input), lb_e820_ram(input->saved, everywhere))
				 : crashkernel->bytes;
	struct lb_capture_need capture = {
		.tables = ram_tables(input),
		.cpus = wanted_cpus(input),
		.targets = input->targets->count,
	};
	struct lb_error reason;

	if (lb_layout_minimum(need, &capture.contents, err) != 0)
		return -1;
	if (lb_capture_size(&capture, limit, ret_size, &reason) != 0)
		return lb_fail(err, "crashkernel=%.40s: too small: %s", input->options->crashkernel,
			       reason.text);
	if (!crashkernel->automatic)
		*ret_bytes = limit;
	else
		*ret_bytes = ret_size->total > LB_CAPTURE_MIN ? ret_size->total : LB_CAPTURE_MIN;
	return 0;
}

static bool plan_selftest(const struct lb_dump_options *dump, const struct lb_targets *targets)
{
	if (dump->selftest && !targets->count)
		lb_print_warning("--selftest: there is no partition to leave a verdict on");
	return lb_dump_options_boot(dump, targets->count, lb_targets_verdict(targets)) == LB_BOOT_SELFTEST;
}

static void list_targets(const struct lb_targets *targets, struct lb_capture_config *config)
{
	config->target_count = targets->count;
	for (uint32_t i = 0; i < targets->count; i++)
		config->targets[i] = targets->found[i].target;
}

static void add_iommus(const struct lb_iommu *iommus, uint32_t count, struct lb_capture_config *config)
{
	uint32_t room = LB_MAX_IOMMUS - config->iommu_count;

	if (count > room) {
		lb_print_warning("ACPI: more than %u IOMMUs; %u of them stay on after a panic", LB_MAX_IOMMUS,
				 count - room);
		count = room;
	}
	memcpy(&config->iommu[config->iommu_count], iommus, count * sizeof(iommus[0]));
	config->iommu_count += count;
}

static void list_iommus(const struct lb_machine *machine, struct lb_capture_config *config)
{
	const struct lb_acpi_facts *acpi = &machine->acpi;

	add_iommus(acpi->dmar.iommu, acpi->dmar.count, config);
	add_iommus(acpi->ivrs.iommu, acpi->ivrs.count, config);
	add_iommus(acpi->viot.iommu, acpi->viot.count, config);
	if (acpi->ivrs.count && machine->snp_host)
		lb_print_warning(
			"SEV-SNP: the firmware has prepared this host for it; a kernel that turns it on "
			"locks the IOMMU, and a dump is written only where that lets the disk pass");
}

static void find_screen(enum lb_screen_policy policy, struct lb_capture_config *config)
{
	struct lb_error why;

	if (policy != LB_SCREEN_NEVER && lb_screen_find(policy, &config->screen, &why) != 0 &&
	    policy == LB_SCREEN_ALWAYS)
		lb_print_warning("--screen always: %s; nothing will be shown", why.text);
}

static void warn_of_wishes(const struct lb_dump_options *dump, const struct lb_capture_config *config)
{
	if (dump->cpus > config->cpus)
		lb_print_warning(
			"--capture-cpus %u: %u will be used, the machine or its crash memory has no more",
			dump->cpus, config->cpus);
	if (dump->end == LB_CAPTURE_POWEROFF && !config->pm1a)
		lb_print_warning(
			"--on-captured poweroff: ACPI does not say how here; the machine will be reset");
}

static uint64_t largest_dump(const struct lb_capture_config_input *input)
{
	const uint64_t bytes = lb_dump_size_of(input->saved);

	return input->options->dump.recipients.count ? lb_dump_size_encrypted(bytes) : bytes;
}

void lb_capture_config_plan(const struct lb_capture_config_input *input, uint32_t cpus, struct lb_range heap,
			    struct lb_capture_config *ret_config)
{
	const struct lb_options *options = input->options;
	const struct lb_acpi_facts *acpi = &input->machine->acpi;

	*ret_config = (struct lb_capture_config){
		.magic = LB_CAPTURE_MAGIC,
		.version = LB_CAPTURE_VERSION,
		.bytes = sizeof(*ret_config),
		.format = options->dump.format,
		.dump_level = options->dump.level,
		.end = options->dump.end,
		.end_failed = options->on_mismatch == LB_POLICY_HALT ? LB_CAPTURE_HALT : LB_CAPTURE_RESET,
		.selftest = plan_selftest(&options->dump, input->targets),
		.cpus = cpus,
		.apic_count = acpi->madt.apic_count,
		.bsp_apic = input->machine->bsp_apic,
		.mask_report = options->dump.mask_report,
		.heap = heap,
	};
	list_targets(input->targets, ret_config);
	lb_targets_judge_size(input->targets, largest_dump(input));
	memcpy(ret_config->apic, acpi->madt.apic, sizeof(ret_config->apic));
	list_iommus(input->machine, ret_config);
	find_screen(options->dump.screen, ret_config);
	ret_config->wdat_count = acpi->wdat.count;
	memcpy(ret_config->wdat, acpi->wdat.step, sizeof(ret_config->wdat));
	if (acpi->power_off) {
		ret_config->pm1a = acpi->fadt.pm1a;
		ret_config->pm1b = acpi->fadt.pm1b;
		ret_config->s5a = acpi->dsdt.s5a;
		ret_config->s5b = acpi->dsdt.s5b;
	}
	lb_snprintf(ret_config->loader_version, sizeof(ret_config->loader_version), "%s", LIFEBOAT_VERSION);
	warn_of_wishes(&options->dump, ret_config);
}

uint64_t lb_capture_config_bytes(const struct lb_options *options)
{
	const uint64_t bytes = sizeof(struct lb_capture_config);

	return options->dump.recipients.count ? lb_align_up(bytes, sizeof(uint64_t)) + sizeof(struct lb_crypt)
					      : bytes;
}

void lb_capture_config_arm(uint64_t salt, struct lb_capture_config *config)
{
	config->tsc_khz = lb_clock_tsc_khz();
	config->armed_tsc = lb_clock_tsc();
	config->armed_time = lb_clock_time();
	lb_random_id(&salt, sizeof(salt), config->arm_id);
}
