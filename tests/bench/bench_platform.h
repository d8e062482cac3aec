// SPDX-License-Identifier: BSD-2-Clause
// The machine under the capture kernel's writer when it is timed on the host: real time, real CPUs, a heap of
// one piece, a disk in memory. Stands for crash/platform/platform.h and smp.h. The writer's objects are those that
// capture.bin is linked from.
#ifndef LIFEBOAT_TESTS_BENCH_BENCH_PLATFORM_H
#define LIFEBOAT_TESTS_BENCH_BENCH_PLATFORM_H

#include <time.h>

#include "crash/dump/dump.h"
#include "crash/platform/platform.h"
#include "crash/platform/smp.h"

// Says what is wrong and exits.
_Noreturn void bench_die(const char *what, const char *why);

// A heap of `bytes`. This thread, the first CPU, stays on CPU 0 of the host, further ones on the next.
void bench_open(uint64_t bytes);
// Who has the old memory: asked by every lb_old_page(), on the thread of `cpu`.
void bench_old_page_by(const void *(*page)(void *ctx, uint32_t cpu, uint64_t phys), void *ctx);

// Nanoseconds of CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID, ...
uint64_t bench_ns(clockid_t clock);

// A disk whose partition is the memory at `data`: all of it, or its first `kept` bytes, of whole pages. What is
// written behind these is counted and dropped.
struct bench_disk {
	struct lb_disk disk;
	struct lb_target target;
	uint8_t *data; // zeroes at first
	uint8_t *touched; // of each block of 4 KiB: 1 once anything but zeroes was written to it
	uint64_t kept;
	uint64_t written; // bytes, all in all
	struct lb_disk_request requests[LB_DISK_MAX_DEPTH];
	uint32_t in_flight; // by tag, a bit each
};
void bench_disk_open(struct bench_disk *disk, void *data, uint64_t kept, uint64_t bytes);

// `path` as `bytes` of memory, shared: the file is made anew.
void *bench_map_new(const char *path, uint64_t bytes);

// Starts up to `cpus` that compress, and encrypt, as the job wants it: what log_written() does in the capture kernel.
int bench_start_cpus(const struct lb_dump_job *job, uint32_t cpus, uint32_t *ret_cpus, struct lb_error *err);

// Has lb_filter_next() judge all of the job's RAM, a bitmap's piece at a time. Nanoseconds of this CPU.
uint64_t bench_filter(const struct lb_dump_job *job);

#endif
