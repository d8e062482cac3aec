// SPDX-License-Identifier: BSD-2-Clause
// Runs the capture kernel's filter, bitmaps and writer over a made-up dead machine of any size (synthetic.h),
// and shows how time, heap and bytes grow with it.
//
//	bench_scale GIB PERCENT IMAGE CPUS [PAGES]
//
// PERCENT of the GIB are used, the rest is free. The level is 31, the format zstd. IMAGE is a file for
// bitmaps and descriptors. Data are counted and dropped. With PAGES the partition is full after so many pages
// of 4 KiB, which leaves the time before the first page. Prints key=value. Times are nanoseconds of the CPU.
//
// The filter is also timed alone, on up to 1 TiB. Struct pages are made each time that they are read, and the
// filter's time includes this. "making" is the time of the making alone.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_platform.h"
#include "crash/dump/kdump_head.h"
#include "pgtable/ident.h"
#include "synthetic.h"

#define HEAP_BYTES (64 * LB_MIB)
#define BUFFERS 8U

static struct synthetic machine;
static uint32_t cpus_wanted;
static uint64_t head_took;

// The function in crash/dump/kdump_head.c, which the linker's --wrap puts behind the one here.
int __real_lb_kdump_head(struct lb_kdump *kdump, const struct lb_page_choice *choice, struct lb_error *err);
int __wrap_lb_kdump_head(struct lb_kdump *kdump, const struct lb_page_choice *choice, struct lb_error *err);

int __wrap_lb_kdump_head(struct lb_kdump *kdump, const struct lb_page_choice *choice, struct lb_error *err)
{
	const uint64_t since = bench_ns(CLOCK_THREAD_CPUTIME_ID);
	const int result = __real_lb_kdump_head(kdump, choice, err);

	head_took = bench_ns(CLOCK_THREAD_CPUTIME_ID) - since;
	return result;
}

static int start(void *ctx, struct lb_error *err)
{
	struct lb_dump_job *job = ctx;
	void *memory = lb_heap_pages(LB_CAPTURE_SCRATCH);
	uint32_t cpus;

	if (lb_kernel_pages_open(memory, LB_CAPTURE_SCRATCH, &machine.dead, &machine.ram, &job->own, err) !=
	    0)
		return -1;
	return bench_start_cpus(job, cpus_wanted, &cpus, err);
}

// Makes all struct pages that the filter reads, and does nothing with them.
static uint64_t make_all(void)
{
	const uint64_t since = bench_ns(CLOCK_THREAD_CPUTIME_ID);

	for (uint64_t at = machine.struct_pages; at < machine.struct_pages + machine.cache_end * 64;
	     at += LB_PAGE)
		synthetic_page(&machine, 0, at);
	return bench_ns(CLOCK_THREAD_CPUTIME_ID) - since;
}

static struct lb_dump_job make_job(void)
{
	struct lb_filter_level level;
	struct lb_dump_job job = {
		.format = LB_DUMP_ZSTD,
		.ram = &machine.ram,
		.filter = lb_filter_open(lb_heap_pages(lb_filter_bytes()), &machine.dead, &machine.ram,
					 LB_FILTER_ALL, &level),
		.dead = &machine.dead,
		.notes = machine.page[0],
		.log_written = start,
	};

	job.level = level.bits;
	if (job.level != LB_FILTER_ALL)
		bench_die("filter", level.why);
	return job;
}

// Returns the bytes of page tables that map all RAM, as the capture kernel makes them. If they are too large,
// it uses a window instead.
static uint64_t tables_bytes(void)
{
	const struct lb_ident_range all = {machine.piece.phys, LB_MEM_WB};
	const struct lb_ident_request request = {
		.ranges = &all, .count = 1, .phys_bits = 46, .gib_pages = true, .root4 = true};
	struct lb_ident_size size;

	if (lb_ident_count(&request, &size) != LB_IDENT_OK)
		bench_die("page tables", "not counted");
	return size.pages * LB_PAGE;
}

static void write_dump(struct lb_dump_job *job, const char *path, uint64_t pages)
{
	const uint64_t dumped = machine.kernel_end; // only the kernel's part is dumped
	const uint64_t head =
		2 * lb_align_up(machine.frames / 8, LB_PAGE) + lb_align_up(dumped * 24, LB_PAGE) + 4 * LB_MIB;
	const uint64_t data = (pages < dumped ? pages : dumped + 1024) * LB_PAGE;
	const uint64_t bytes = lb_align_up(head + data, LB_MIB);
	struct lb_dump_header header = {.arm_id = {1}, .partuuid = {2}, .partition_bytes = bytes};
	struct lb_partition *partition;
	struct bench_disk disk;
	struct lb_error err;

	bench_disk_open(&disk, bench_map_new(path, head), head, bytes);
	if (lb_partition_open(&disk.disk, &disk.target, BUFFERS, &partition, &err) != 0)
		bench_die(path, err.text);
	if (lb_dump_write(job, partition, &header, &err) != 0 &&
	    (pages >= dumped || strncmp(err.text, "full", 4) != 0))
		bench_die(path, err.text);
	lb_helpers_close();
	if (lb_filter_counts(job->filter)->dumped != dumped)
		bench_die("filter", "it chose other pages than the kernel's");
	printf("head=%lu\npages=%lu\nfile_bytes=%lu\ndata_bytes=%lu\nwritten=%lu\n", head_took,
	       header.pages_done, header.file_bytes, header.data_bytes, disk.written);
}

int main(int argc, char **argv)
{
	const uint64_t bytes = argc > 4 ? strtoull(argv[1], NULL, 0) * LB_GIB : 0;
	const uint64_t pages = argc > 5 ? strtoull(argv[5], NULL, 0) : UINT64_MAX;
	struct lb_dump_job job;
	uint64_t took;

	cpus_wanted = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 0) : 0;
	if (argc > 6 || bytes < 4 * LB_GIB || bytes > 64 * LB_TIB || !cpus_wanted) {
		fprintf(stderr, "usage: bench_scale GIB PERCENT IMAGE CPUS [PAGES], 4 to 65536 GiB\n");
		return 2;
	}
	bench_open(HEAP_BYTES);
	synthetic_open(&machine, bytes, (unsigned int)strtoul(argv[2], NULL, 0));
	bench_old_page_by(synthetic_page, &machine);
	job = make_job();
	job.ctx = &job;
	printf("frames=%lu\ndumped=%lu\n", machine.frames, machine.kernel_end);
	if (bytes <= LB_TIB)
		printf("filter=%lu\nmaking=%lu\n", bench_filter(&job), make_all());
	fflush(stdout);
	took = bench_ns(CLOCK_PROCESS_CPUTIME_ID);
	write_dump(&job, argv[3], pages);
	printf("writer=%lu\nheap=%lu\ntables=%lu\n", bench_ns(CLOCK_PROCESS_CPUTIME_ID) - took,
	       lb_heap_used(), tables_bytes());
	return 0;
}
