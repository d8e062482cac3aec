// SPDX-License-Identifier: BSD-2-Clause
// --selftest: everything that a dump needs, without the dump. Writes only the verdict, into each
// target's header.
#include "crash/bare/bare.h"
#include "crash/capture/capture.h"
#include "crash/dump/helpers.h"
#include "crash/platform/paging.h"
#include "crash/platform/platform.h"

// Reads one page from the middle of every piece. The sum keeps the compiler from dropping the reads.
static uint64_t read_pieces(const struct lb_ram *ram)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ram->count; i++) {
		const struct lb_ram_piece *piece = &ram->pieces[i];
		uint64_t half = lb_align_down(lb_range_size(piece->phys) / 2, LB_PAGE);
		const volatile uint64_t *page = lb_old_page(0, piece->now + half);

		sum ^= page[0] ^ page[LB_PAGE / sizeof(*page) - 1];
	}
	return sum;
}

// An address without RAM: below the old RAM at LB_PAGING_OLD_BASE, and above the identity map.
#define NOWHERE (LB_PAGING_OLD_BASE - LB_PAGE)

// Checks that a page that cannot be read costs only that page.
static int survive_fault(struct lb_error *err)
{
	static uint8_t page[LB_PAGE];

	if (lb_copy_page(page, (const void *)(uintptr_t)NOWHERE))
		return lb_fail(err, "a page at 0x%lx, where nothing is mapped, was read", (uint64_t)NOWHERE);
	lb_say("selftest: a page that cannot be read is survived");
	return 0;
}

static int start_helpers(struct lb_run *run, struct lb_error *err)
{
	if (lb_helpers_open(run->capture, run->capture->target_count, &run->cpus, err) != 0)
		return -1;
	lb_say("selftest: CPUs that compress: %u of %u", run->cpus, run->capture->cpus);
	lb_helpers_close();
	if (run->cpus < run->capture->cpus)
		return lb_fail(err, "%u of %u CPUs started", run->cpus, run->capture->cpus);
	return 0;
}

static int check_machine(struct lb_run *run, struct lb_error *err)
{
	if (lb_prepare(run, err) != 0 || survive_fault(err) != 0)
		return -1;
	lb_say("selftest: read a page of %u pieces of RAM, sum 0x%lx", run->ram.count,
	       read_pieces(&run->ram));
	return run->job.format == LB_DUMP_ELF ? 0 : start_helpers(run, err);
}

static int write_verdict(struct lb_opened *opened, const char *failed, struct lb_error *err)
{
	struct lb_dump_header *header = opened->header;

	header->selftest = failed ? LB_SELFTEST_FAILED : LB_SELFTEST_PASSED;
	lb_snprintf(header->message, sizeof(header->message), "%s", failed ? failed : "selftest passed");
	if (lb_writer_put_header(opened->partition, header, err) != 0)
		return -1;
	return lb_partition_flush(opened->partition, err);
}

// Keeps the first failure.
static void note(struct lb_error *first, const struct lb_error *err)
{
	lb_say("selftest: %s", err->text);
	if (!first->text[0])
		*first = *err;
}

_Noreturn void lb_selftest_run(struct lb_run *run)
{
	const struct lb_capture_config *capture = run->capture;
	static struct lb_opened opened[LB_MAX_TARGETS];
	struct lb_error first = {""}, err;

	if (capture->iommu_count && !run->iommus_on)
		lb_say("selftest: no IOMMU translates; that switching one off works is not shown");
	if (check_machine(run, &err) != 0)
		note(&first, &err);
	if (!capture->target_count) {
		lb_fail(&err, "no target was given");
		note(&first, &err);
	}
	for (uint32_t i = 0; i < capture->target_count; i++) {
		run->targets_left = capture->target_count - i;
		if (lb_target_open(run, &capture->targets[i], &opened[i], &err) == 0)
			continue;
		note(&first, &err);
		lb_target_close(&opened[i]);
	}
	for (uint32_t i = 0; i < capture->target_count; i++) {
		if (!opened[i].disk.driver)
			continue;
		if (write_verdict(&opened[i], first.text[0] ? first.text : NULL, &err) != 0)
			note(&first, &err);
		lb_target_close(&opened[i]);
	}
	if (first.text[0])
		lb_say("selftest failed: %s", first.text);
	else
		lb_say("selftest passed");
	lb_stop(LB_POLICY_RESET);
}
