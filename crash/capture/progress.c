// SPDX-License-Identifier: BSD-2-Clause
// The progress of the dump, and its figures at the end.
#include "crash/capture/capture.h"
#include "crash/platform/platform.h"

#define MS_PER_S 1000

static uint64_t rate_kib(uint64_t bytes, uint64_t ms)
{
	return ms ? bytes / LB_KIB * MS_PER_S / ms : 0;
}

void lb_progress_say(void *ctx, uint64_t pages_done, uint64_t pages, uint64_t bytes_written)
{
	const struct lb_progress *progress = ctx;
	uint64_t ms = lb_clock_ms() - progress->begun_ms;
	uint64_t memory = rate_kib(pages_done * LB_PAGE, ms), disk = rate_kib(bytes_written, ms);
	uint64_t left, all;
	char size[16];

	if (!pages || pages_done > pages) {
		lb_say("looking for what is to be dumped, %lu s", ms / MS_PER_S);
		lb_show_line(progress->run, "looking for what is to be dumped, %lu s", ms / MS_PER_S);
		return;
	}
	left = pages_done ? ms * (pages - pages_done) / pages_done / MS_PER_S : 0;
	all = pages_done ? bytes_written / pages_done * pages : 0;
	lb_say("%lu%% of %lu pages, %lu.%lu MiB/s of memory, %lu.%lu MiB/s to disk, %lu s left, %s in all",
	       pages_done * 100 / pages, pages, memory / 1024, memory % 1024 * 10 / 1024, disk / 1024,
	       disk % 1024 * 10 / 1024, left, lb_format_size(size, sizeof(size), all));
	lb_show_line(progress->run, "%lu%% of %lu pages written, %lu s left, %s in all",
		     pages_done * 100 / pages, pages, left, size);
}

void lb_progress_end(const struct lb_run *run, const struct lb_dump_header *header)
{
	const struct lb_filter_count *count = lb_filter_counts(run->filter);
	uint64_t khz = header->tsc_khz ? header->tsc_khz : 1;
	uint64_t ms = (header->tsc_end - header->tsc_begun) / khz;
	uint64_t first_ms = (header->tsc_first_byte - header->tsc_hook) / khz;
	char used[16], all[16];

	lb_say("pages: %lu of RAM, %lu dumped; left out: %lu cache, %lu private cache, %lu user, %lu free, "
	       "%lu offline or poisoned",
	       run->ram.pages, header->page_count, count->cache, count->cache_private, count->user,
	       count->free, count->hwpoison + count->offline);
	if (count->unused)
		lb_say("pages: %lu that the kernel was told not to use, left out", count->unused);
	if (count->unmapped)
		lb_say("pages: %lu without a struct page, dumped", count->unmapped);
	lb_say("log on disk %lu ms after the panic; level %u, %u CPUs, %u checkpoints", first_ms,
	       header->dump_level, run->cpus ? run->cpus : 1, header->checkpoints);
	lb_say("memory: %s of a heap of %s used", lb_format_size(used, sizeof(used), lb_heap_used()),
	       lb_format_size(all, sizeof(all), lb_heap_used() + lb_heap_left()));
	lb_show_line(run, "The dump is complete: %s.", lb_format_size(all, sizeof(all), header->file_bytes));
	lb_say("dump complete: %lu bytes in %lu.%lu s", header->file_bytes, ms / MS_PER_S,
	       ms % MS_PER_S * 10 / MS_PER_S);
}
