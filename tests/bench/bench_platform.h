// SPDX-License-Identifier: BSD-2-Clause
// The machine below the capture kernel's writer, for timing it on the host: real time, real CPUs, a heap of
// one piece, a disk in memory. It takes the place of crash/platform/platform.h and smp.h. The writer's
// objects are those that capture.bin is linked from.
#ifndef LIFEBOAT_TESTS_BENCH_BENCH_PLATFORM_H
#define LIFEBOAT_TESTS_BENCH_BENCH_PLATFORM_H

#include <time.h>

#include "crash/dump/dump.h"
#include "crash/platform/platform.h"
#include "crash/platform/smp.h"

// Prints what is wrong, and exits.
_Noreturn void bench_die(const char *what, const char *why);

// Makes a heap of `bytes`. Binds this thread, the first CPU, to the host's CPU 0, and further CPUs to the
// next ones.
void bench_open(uint64_t bytes);
// Sets the function that every lb_old_page() asks for old memory, on the thread of `cpu`.
void bench_old_page_by(const void *(*page)(void *ctx, uint32_t cpu, uint64_t phys), void *ctx);

// Returns the nanoseconds of CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID, ...
uint64_t bench_ns(clockid_t clock);

// A disk whose partition is the memory at `data`: all of it, or its first `kept` bytes, which are whole
// pages. What is written behind them is counted and dropped.
struct bench_disk {
	struct lb_disk disk;
	struct lb_target target;
	uint8_t *data; // zeroes at first
	uint8_t *touched; // for each block of 4 KiB: 1 after anything but zeroes was written to it
	uint64_t kept;
	uint64_t written; // bytes written in total
	struct lb_disk_request requests[LB_DISK_MAX_DEPTH];
	uint32_t in_flight; // a bit for each tag
};
void bench_disk_open(struct bench_disk *disk, void *data, uint64_t kept, uint64_t bytes);

// Maps `path`, a new file of `bytes` bytes, as shared memory.
void *bench_map_new(const char *path, uint64_t bytes);

// Starts up to `cpus` CPUs that compress, and encrypt if the job wants it, as log_written() does in the
// capture kernel.
int bench_start_cpus(const struct lb_dump_job *job, uint32_t cpus, uint32_t *ret_cpus, struct lb_error *err);

// Lets lb_filter_next() judge all of the job's RAM, a piece of the bitmap at a time; returns nanoseconds of
// this CPU.
uint64_t bench_filter(const struct lb_dump_job *job);

#endif
