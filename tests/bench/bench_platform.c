// SPDX-License-Identifier: BSD-2-Clause
#define _GNU_SOURCE
#include "bench_platform.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/say.h"

#define NANOSECONDS 1000000000ULL
#define MILLISECOND 1000000ULL
#define BLOCK 512U
#define FIRST_BLOCK 8U // the partition's first block
#define MAX_BYTES (128 * LB_KIB) // the most bytes of a request
#define DEPTH 16U
#define FILTER_BYTES (64 * LB_KIB) // the size of a bitmap's piece in kdump.c

static struct {
	uint8_t *heap;
	uint64_t bytes, used;
	const void *(*page)(void *ctx, uint32_t cpu, uint64_t phys);
	void *ctx;
	uint64_t clock_begun;
	void (*run)(uint32_t cpu);
} platform;

void bench_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

uint64_t bench_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
}

// Binds this thread to a CPU of the host. If the host has fewer CPUs, several threads share one.
static void stay_on(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % (uint32_t)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void bench_open(uint64_t bytes)
{
	void *heap = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (heap == MAP_FAILED)
		bench_die("heap", strerror(errno));
	platform.heap = heap;
	platform.bytes = bytes;
	platform.clock_begun = bench_ns(CLOCK_MONOTONIC);
	stay_on(0);
}

void bench_old_page_by(const void *(*page)(void *ctx, uint32_t cpu, uint64_t phys), void *ctx)
{
	platform.page = page;
	platform.ctx = ctx;
}

void *bench_map_new(const char *path, uint64_t bytes)
{
	int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	void *data;

	if (file < 0 || ftruncate(file, (off_t)bytes))
		bench_die(path, strerror(errno));
	data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	if (data == MAP_FAILED)
		bench_die(path, strerror(errno));
	return data;
}

// ---- crash/platform/platform.h ---------------------------------------------

void *lb_heap_pages(uint64_t bytes)
{
	void *pages = platform.heap + platform.used;

	if (!bytes || bytes > lb_heap_left())
		return NULL;
	platform.used += lb_align_up(bytes, LB_PAGE);
	return pages;
}

uint64_t lb_heap_used(void)
{
	return platform.used;
}

uint64_t lb_heap_left(void)
{
	return platform.bytes - platform.used;
}

uint64_t lb_clock_ms(void)
{
	return (bench_ns(CLOCK_MONOTONIC) - platform.clock_begun) / MILLISECOND;
}

struct lb_deadline lb_deadline_in(uint64_t milliseconds)
{
	return (struct lb_deadline){bench_ns(CLOCK_MONOTONIC) + milliseconds * MILLISECOND};
}

bool lb_deadline_passed(struct lb_deadline deadline)
{
	return bench_ns(CLOCK_MONOTONIC) >= deadline.tsc;
}

void lb_pause(void)
{
	__builtin_ia32_pause();
}

const void *lb_old_page(uint32_t cpu, uint64_t phys)
{
	return platform.page(platform.ctx, cpu, phys);
}

bool lb_old_page_copy(uint32_t cpu, uint64_t phys, void *to)
{
	memcpy(to, lb_old_page(cpu, phys), LB_PAGE);
	return true;
}

void say_line(const char *line)
{
	fprintf(stderr, "writer: %s\n", line);
}

// ---- crash/platform/smp.h --------------------------------------------------

static void *further_cpu(void *cpu)
{
	stay_on((uint32_t)(uintptr_t)cpu);
	platform.run((uint32_t)(uintptr_t)cpu);
	return NULL;
}

uint32_t lb_smp_start(const struct lb_capture_config *capture, uint32_t wanted, void (*run)(uint32_t cpu))
{
	(void)capture;
	platform.run = run;
	for (uint32_t i = 1; i <= wanted; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, further_cpu, (void *)(uintptr_t)i))
			bench_die("a further CPU", "no thread for it");
		pthread_detach(thread);
	}
	return wanted;
}

int bench_start_cpus(const struct lb_dump_job *job, uint32_t cpus, uint32_t *ret_cpus, struct lb_error *err)
{
	const struct lb_capture_config config = {
		.format = job->format, .cpus = cpus, .apic_count = cpus, .crypt = job->crypt ? 1 : 0};

	return lb_helpers_open(&config, 1, ret_cpus, err);
}

// ---- the disk --------------------------------------------------------------

static int submit(struct lb_disk *of, const struct lb_disk_request *request, struct lb_error *err)
{
	struct bench_disk *disk = of->state;

	(void)err;
	disk->requests[request->tag] = *request;
	disk->in_flight |= 1U << request->tag;
	return 0;
}

// Does not write zeroes where zeroes are, so that they take no memory of the host.
static void write_page(struct bench_disk *disk, uint64_t at, const uint8_t *page)
{
	uint8_t *touched = &disk->touched[at / LB_PAGE];

	if (!*touched && lb_compress_is_zero(page))
		return;
	*touched = 1;
	memcpy(disk->data + at, page, LB_PAGE);
}

static void transfer(struct bench_disk *disk, const struct lb_disk_request *request)
{
	const uint64_t at = (request->block - FIRST_BLOCK) * BLOCK;
	const uint64_t left = at < disk->kept ? disk->kept - at : 0;
	const uint64_t bytes = request->bytes < left ? request->bytes : left;

	if (request->op == LB_DISK_READ && bytes < request->bytes)
		bench_die("disk", "what was not kept is read");
	if (request->op == LB_DISK_READ)
		memcpy(request->buffer, disk->data + at, bytes);
	if (request->op != LB_DISK_WRITE)
		return;
	for (uint64_t done = 0; done < bytes; done += LB_PAGE)
		write_page(disk, at + done, (const uint8_t *)request->buffer + done);
	disk->written += request->bytes;
}

static int poll(struct lb_disk *of, uint32_t *ret_tag, struct lb_error *err)
{
	struct bench_disk *disk = of->state;

	(void)err;
	*ret_tag = LB_DISK_NO_TAG;
	if (!disk->in_flight)
		return 0;
	*ret_tag = (uint32_t)__builtin_ctz(disk->in_flight);
	disk->in_flight &= disk->in_flight - 1;
	transfer(disk, &disk->requests[*ret_tag]);
	return 1;
}

static int reset(struct lb_disk *of, struct lb_error *err)
{
	(void)of;
	(void)err;
	bench_die("disk", "it is reset: a request took too long");
}

static void stop(struct lb_disk *of)
{
	(void)of;
}

static const struct lb_disk_driver driver = {
	.name = "bench",
	.submit = submit,
	.poll = poll,
	.reset = reset,
	.stop = stop,
};

void bench_disk_open(struct bench_disk *disk, void *data, uint64_t kept, uint64_t bytes)
{
	memset(disk, 0, sizeof(*disk));
	disk->data = data;
	disk->kept = lb_align_down(kept, LB_PAGE);
	disk->touched = calloc(1, kept / LB_PAGE + 1);
	if (!disk->touched)
		bench_die("disk", "no memory for its list of blocks");
	disk->disk = (struct lb_disk){.driver = &driver,
				      .state = disk,
				      .block_bytes = BLOCK,
				      .blocks = FIRST_BLOCK + bytes / BLOCK,
				      .max_bytes = MAX_BYTES,
				      .depth = DEPTH};
	disk->target = (struct lb_target){.block_bytes = BLOCK,
					  .first_block = FIRST_BLOCK,
					  .last_block = disk->disk.blocks - 1,
					  .name = "bench"};
}

// ---- the filter ------------------------------------------------------------

uint64_t bench_filter(const struct lb_dump_job *job)
{
	static uint8_t bits[FILTER_BYTES];
	const uint64_t begun = bench_ns(CLOCK_THREAD_CPUTIME_ID), frames = FILTER_BYTES * 8;

	lb_filter_rewind(job->filter);
	for (uint64_t pfn = 0; pfn < job->ram->max_pfn; pfn += frames)
		lb_filter_next(job->filter, frames, bits);
	return bench_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
}
