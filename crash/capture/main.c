// SPDX-License-Identifier: BSD-2-Clause
// The capture kernel, from its first line of C to the machine's reset. The log goes to the disk as early
// as possible, because the machine may not last.
#include "crash/bare/bare.h"
#include "crash/capture/capture.h"
#include "crash/dump/dump.h"
#include "crash/dump/helpers.h"
#include "crash/plan/dumpsize.h"
#include "crash/platform/iommu.h"
#include "crash/platform/paging.h"
#include "crash/platform/pcidev.h"
#include "crash/platform/platform.h"
#include "crash/platform/power.h"
#include "crash/platform/smp.h"
#include "crash/platform/watchdog.h"
#include "lib/cpu.h"
#include "lib/mem.h"
#include "lifeboat/version.h"

extern const uint8_t lb_capture_start[]; // the image's; capture.lds

_Noreturn void lb_capture_main(const struct lb_handoff *handoff, uint64_t tsc_begun);

// Checks the configuration's magic, version and sizes. The purgatory has checked the digest; this finds
// an image that was built with another loader.
static const struct lb_capture_config *check_config(const struct lb_handoff *handoff)
{
	const struct lb_capture_config *capture = (const void *)(uintptr_t)handoff->capture;

	if (!capture || capture->magic != LB_CAPTURE_MAGIC || capture->version != LB_CAPTURE_VERSION ||
	    capture->bytes != sizeof(*capture) || capture->target_count > LB_MAX_TARGETS || !capture->cpus ||
	    capture->cpus > LB_MAX_CAPTURE_CPUS || capture->apic_count > LB_MAX_CAPTURE_CPUS ||
	    capture->iommu_count > LB_MAX_IOMMUS || capture->wdat_count > LB_MAX_WDAT_STEPS ||
	    capture->format > LB_DUMP_ELF)
		return NULL;
	return capture;
}

static _Noreturn void refuse(const char *what)
{
	lb_say("no dump: %s is not what this capture kernel was built for", what);
	lb_stop(LB_POLICY_RESET);
}

static void greet(const struct lb_run *run)
{
	const struct lb_capture_config *capture = run->capture;
	char crash[16], heap[16];

	lb_say("version %s at 0x%lx, %s of crash memory, heap %s, %u targets, up to %u CPUs",
	       LIFEBOAT_VERSION, (uint64_t)(uintptr_t)lb_capture_start,
	       lb_format_size(crash, sizeof(crash), lb_range_size(run->handoff->crash)),
	       lb_format_size(heap, sizeof(heap), lb_heap_left()), capture->target_count, capture->cpus);
	if (run->crypt)
		lb_say("everything of the dead machine is encrypted to %u recipients; nothing of it is shown",
		       run->crypt->recipients);
}

// Called when the log is on the disk.
static const char *make_report(void *ctx, uint32_t *ret_bytes)
{
	struct lb_run *run = ctx;

	run->tsc_log = cpu_tsc();
	return lb_report_make(run, ret_bytes);
}

// Finds the kernel's own pages, to be dumped first. If they cannot be found, pages are dumped in the
// order of their addresses. The list is kept for the next target.
static void find_own_pages(struct lb_run *run)
{
	struct lb_kernel_pages_facts facts;
	struct lb_error why;

	if (run->job.own)
		return;
	lb_fail(&why, "there is no memory for their list");
	if (!run->scratch || lb_kernel_pages_open(run->scratch, LB_CAPTURE_SCRATCH, &run->dead, &run->ram,
						  &run->job.own, &why) != 0) {
		lb_say("the kernel's own pages are not written first%s%s", run->crypt ? "" : ": ",
		       run->crypt ? "" : why.text);
		return;
	}
	facts = lb_kernel_pages_facts(run->job.own);
	lb_say("the kernel's own pages are written first: by %lu page tables%s%s", facts.tables,
	       facts.knows_reserved ? "" : "; which ones it reserved is not known",
	       facts.cut ? "; there are more than the list has room for" : "");
}

static void show_estimate(const struct lb_run *run)
{
	const struct lb_dump_estimate estimate = lb_dump_estimate(run->ram.pages, run->job.format, run->cpus);
	char size[16];

	lb_show_line(run, "CPUs that write the dump: %u; by estimate %s in %u s", run->cpus,
		     lb_format_size(size, sizeof(size), estimate.bytes), estimate.seconds);
}

// Starts the other CPUs. Each takes 10 ms or more, so this waits until log and report are on the disk.
// Runs once; the next target uses the same CPUs.
static int open_helpers(void *ctx, struct lb_error *err)
{
	struct lb_run *run = ctx;

	if (!run->crypt)
		lb_report_print(run);
	lb_show_report(run);
	if (run->job.format == LB_DUMP_ELF)
		return 0;
	find_own_pages(run);
	if (run->cpus)
		return 0;
	if (lb_helpers_open(run->capture, run->targets_left, &run->cpus, err) != 0)
		return -1;
	show_estimate(run);
	lb_say("CPUs that compress: %u", run->cpus);
	return 0;
}

// Writes the dump to one target. 0: complete. If the dump is partial, the target's header says so.
static int dump_to(struct lb_run *run, uint32_t index, struct lb_opened *opened, struct lb_error *err)
{
	struct lb_progress progress = {.run = run, .begun_ms = lb_clock_ms()};
	struct lb_dump_header *header = opened->header;

	header->tsc_hook = run->live->cpu.tsc;
	header->tsc_begun = run->tsc_begun;
	header->tsc_khz = run->capture->tsc_khz;
	run->job.progress = lb_progress_say;
	run->job.progress_ctx = &progress;
	if (run->crypt) {
		run->job.crypt = run->crypt->files[index];
		run->job.sealing = run->sealing;
		run->job.recipients = run->crypt->recipients;
	}
	run->job.report = make_report;
	run->job.log_written = open_helpers;
	run->job.ctx = run;
	return lb_dump_write(&run->job, opened->partition, header, err);
}

static int try_targets(struct lb_run *run, struct lb_error *err)
{
	const struct lb_capture_config *capture = run->capture;

	lb_fail(err, "no target was given");
	for (uint32_t i = 0; i < capture->target_count; i++) {
		struct lb_opened opened;
		int status;

		run->targets_left = capture->target_count - i;
		status = lb_target_open(run, &capture->targets[i], &opened, err);
		if (status == 0)
			status = dump_to(run, i, &opened, err);
		lb_target_close(&opened);
		if (status == 0) {
			lb_progress_end(run, opened.header);
			return 0;
		}
		if (i + 1 < capture->target_count)
			lb_say("warning: %s; the next target is tried", err->text);
	}
	return -1;
}

_Noreturn void lb_capture_main(const struct lb_handoff *handoff, uint64_t tsc_begun)
{
	static struct lb_run run;
	struct lb_error err;
	uint32_t report_bytes;
	int status;

	if (handoff->magic != LB_HANDOFF_MAGIC || handoff->version != LB_HANDOFF_VERSION)
		lb_cold_reset(); // without a handoff the console is unknown, too
	lb_console_open(handoff, true, "lifeboat-capture");
	lb_trap_watch(handoff, (struct lb_handoff_live *)(uintptr_t)handoff->live);
	run.handoff = handoff;
	run.live = (const struct lb_handoff_live *)(uintptr_t)handoff->live;
	run.capture = check_config(handoff);
	run.tsc_begun = tsc_begun;
	if (!run.capture)
		refuse("its configuration");
	if (run.capture->crypt && !lb_keys_open(&run))
		refuse("its keys");
	lb_clock_open(run.capture->tsc_khz);
	lb_heap_open(run.capture->heap);
	greet(&run);

	lb_paging_open(handoff);
	lb_pcidev_open(handoff->ecam, handoff->ecam_count);
	lb_smp_open(handoff);
	lb_watchdog_stop_all(run.capture);
	run.iommus_on = lb_iommu_off(run.capture);
	if (run.capture->selftest)
		lb_selftest_run(&run);

	if (lb_prepare(&run, &err) != 0) {
		lb_say("no dump: %s", err.text);
		lb_power_end(run.capture, (enum lb_capture_end)run.capture->end_failed);
	}
	run.tsc_prepared = cpu_tsc();
	if (lb_was_reboot(&run))
		lb_power_end(run.capture, LB_CAPTURE_RESET);
	status = try_targets(&run, &err);
	if (run.cpus)
		lb_helpers_close();
	if (status == 0)
		lb_power_end(run.capture, (enum lb_capture_end)run.capture->end);
	if (!run.crypt) {
		lb_report_make(&run, &report_bytes);
		lb_report_print(&run);
	}
	lb_show_report(&run);
	lb_show_line(&run, "No dump: %s", err.text);
	if (!run.crypt)
		lb_deadlog_print(&run.dead);
	lb_say("no dump: %s", err.text);
	lb_power_end(run.capture, (enum lb_capture_end)run.capture->end_failed);
}
