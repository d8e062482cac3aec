// SPDX-License-Identifier: BSD-2-Clause
#include "capture_platform.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/dump/helpers.h"
#include "lib/format.h"

#define HEAP_BLOCKS 4096

static struct {
	uint64_t limit, used;
	void *blocks[HEAP_BLOCKS];
	uint32_t count;
} heap = {.limit = CAPTURE_HEAP_BYTES};

// The clock in microseconds. Several threads read and move it.
static uint64_t clock_us;
static uint64_t pause_us = 1;

static struct {
	uint64_t phys, bytes;
	const uint8_t *data;
} ram[CAPTURE_RAM_PIECES];
static uint32_t ram_count;
static const void *(*page_by)(void *ctx, uint32_t cpu, uint64_t phys);
static void *page_ctx;
static uint64_t failing_page;

static uint32_t cpus_answering;
static struct {
	pthread_t threads[CAPTURE_CPUS_MAX];
	uint32_t count;
	bool started; // a CPU's thread may be running; read by any thread
	void (*run)(uint32_t cpu);
} smp;

static char said[CAPTURE_SAID_BYTES];
static size_t said_bytes;
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((noreturn)) static void give_up(const char *what, uint64_t value)
{
	fprintf(stderr, "capture_platform: %s 0x%lx\n", what, value);
	abort();
}

static void heap_free(void)
{
	while (heap.count)
		free(heap.blocks[--heap.count]);
	heap.used = 0;
}

// A test that failed midway leaves running CPUs behind. They may still use the heap, so it is kept.
__attribute__((destructor)) static void free_at_exit(void)
{
	if (!smp.count)
		heap_free();
}

void capture_reset(void)
{
	lb_helpers_close(); // a test that failed midway may have left the helpers open
	while (smp.count)
		pthread_join(smp.threads[--smp.count], NULL);
	__atomic_store_n(&smp.started, false, __ATOMIC_RELAXED);
	heap_free();
	heap.limit = CAPTURE_HEAP_BYTES;
	__atomic_store_n(&clock_us, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&pause_us, 1, __ATOMIC_RELAXED);
	ram_count = 0;
	page_by = NULL;
	failing_page = 0;
	cpus_answering = 0;
	said_bytes = 0;
	said[0] = '\0';
}

void capture_heap_limit(uint64_t bytes)
{
	heap.limit = bytes;
}

void lb_heap_open(struct lb_range range)
{
	heap.limit = lb_range_size(range);
}

void *lb_heap_pages(uint64_t bytes)
{
	void *block;

	if (!bytes || bytes > lb_heap_left())
		return NULL;
	bytes = lb_align_up(bytes, LB_PAGE);
	if (bytes > lb_heap_left())
		return NULL;
	if (heap.count == HEAP_BLOCKS)
		give_up("more blocks of heap than", HEAP_BLOCKS);
	block = aligned_alloc(LB_PAGE, bytes);
	if (!block)
		give_up("the host has no memory for", bytes);
	memset(block, 0, bytes);
	heap.blocks[heap.count++] = block;
	heap.used += bytes;
	return block;
}

uint64_t lb_heap_used(void)
{
	return heap.used;
}

uint64_t lb_heap_left(void)
{
	return heap.limit - heap.used;
}

void capture_clock_move(uint64_t milliseconds)
{
	__atomic_fetch_add(&clock_us, milliseconds * 1000, __ATOMIC_RELAXED);
}

void capture_clock_pause(uint64_t microseconds)
{
	__atomic_store_n(&pause_us, microseconds, __ATOMIC_RELAXED);
}

// The stand-in's clock ticks in microseconds whatever the rate.
void lb_clock_open(uint64_t tsc_khz)
{
	(void)tsc_khz;
	__atomic_store_n(&clock_us, 0, __ATOMIC_RELAXED);
}

uint64_t lb_clock_ms(void)
{
	return __atomic_load_n(&clock_us, __ATOMIC_RELAXED) / 1000;
}

struct lb_deadline lb_deadline_in(uint64_t milliseconds)
{
	return (struct lb_deadline){__atomic_load_n(&clock_us, __ATOMIC_RELAXED) + milliseconds * 1000};
}

bool lb_deadline_passed(struct lb_deadline deadline)
{
	return __atomic_load_n(&clock_us, __ATOMIC_RELAXED) >= deadline.tsc;
}

void lb_pause(void)
{
	__atomic_fetch_add(&clock_us, __atomic_load_n(&pause_us, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
	if (__atomic_load_n(&smp.started, __ATOMIC_RELAXED)) // a single thread has nobody to yield to
		sched_yield();
}

volatile void *lb_device_map(uint64_t phys, uint64_t bytes)
{
	(void)phys;
	(void)bytes;
	return NULL;
}

void capture_ram_add(uint64_t phys, const void *data, uint64_t bytes)
{
	if (ram_count == CAPTURE_RAM_PIECES)
		give_up("more pieces of RAM than", CAPTURE_RAM_PIECES);
	if (!lb_aligned(phys | bytes, LB_PAGE))
		give_up("not whole pages: RAM at", phys);
	ram[ram_count].phys = phys;
	ram[ram_count].data = data;
	ram[ram_count++].bytes = bytes;
}

void capture_old_page_by(const void *(*page)(void *ctx, uint32_t cpu, uint64_t phys), void *ctx)
{
	page_by = page;
	page_ctx = ctx;
}

const void *lb_old_page(uint32_t cpu, uint64_t phys)
{
	const void *page = page_by ? page_by(page_ctx, cpu, phys) : NULL;

	if (page)
		return page;
	if (!lb_aligned(phys, LB_PAGE))
		give_up("lb_old_page() asked for", phys);
	for (uint32_t i = 0; i < ram_count; i++) {
		if (phys >= ram[i].phys && phys - ram[i].phys < ram[i].bytes)
			return ram[i].data + (phys - ram[i].phys);
	}
	give_up("no old memory at", phys);
}

void capture_page_fails(uint64_t phys)
{
	failing_page = phys;
}

bool lb_old_page_copy(uint32_t cpu, uint64_t phys, void *to)
{
	const void *page = lb_old_page(cpu, phys);

	if (failing_page && phys == failing_page)
		return false;
	memcpy(to, page, LB_PAGE);
	return true;
}

void capture_cpus(uint32_t count)
{
	cpus_answering = count < CAPTURE_CPUS_MAX ? count : CAPTURE_CPUS_MAX;
}

static void *smp_thread(void *cpu)
{
	smp.run((uint32_t)(uintptr_t)cpu);
	return NULL;
}

uint32_t lb_smp_start(const struct lb_capture_config *capture, uint32_t wanted, void (*run)(uint32_t cpu))
{
	uint32_t count = wanted < cpus_answering ? wanted : cpus_answering;

	(void)capture;
	if (smp.count)
		give_up("lb_smp_start() called again, CPUs running:", smp.count);
	smp.run = run;
	__atomic_store_n(&smp.started, count != 0, __ATOMIC_RELAXED);
	while (smp.count < count) {
		if (pthread_create(&smp.threads[smp.count], NULL, smp_thread,
				   (void *)(uintptr_t)(smp.count + 1)))
			give_up("no thread for CPU", smp.count + 1);
		smp.count++;
	}
	return count;
}

void lb_say(const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&said_lock);
	va_start(args, format);
	said_bytes += lb_vsnprintf(said + said_bytes, sizeof(said) - said_bytes, format, args);
	va_end(args);
	if (said_bytes > sizeof(said) - 2)
		said_bytes = sizeof(said) - 2;
	said[said_bytes++] = '\n';
	said[said_bytes] = '\0';
	pthread_mutex_unlock(&said_lock);
}

const char *capture_said(void)
{
	return said;
}
