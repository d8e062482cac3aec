// SPDX-License-Identifier: BSD-2-Clause
// Helpers whose CPUs are threads. Each page compresses to bytes that tell which page it is.
#include <stdlib.h>
#include <string.h>

#include <sched.h>

#include "capture_platform.h"
#include "crash/disk/partition.h"
#include "crash/dump/helpers.h"
#include "memory_disk.h"
#include "unit.h"

#define PAGES 1024
#define BASE 0x40000000ULL

static uint8_t pages[PAGES][LB_PAGE] __attribute__((aligned(LB_PAGE)));
static struct lb_capture_config config;

// Page i is zero if i % 7 == 3.
static void fill_pages(void)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		if (i % 7 == 3)
			continue;
		for (uint32_t j = 0; j < LB_PAGE; j++)
			pages[i][j] = (uint8_t)((i + 1) * (1 + j / 8 % 5) >> (j % 2 * 8));
	}
}

static uint32_t open_helpers(enum lb_dump_format format, uint32_t cpus, uint32_t answering)
{
	struct lb_error err = {""};
	uint32_t count = 0;

	capture_reset();
	capture_ram_add(BASE, pages, sizeof(pages));
	capture_clock_pause(0); // the clock stands still, so that a slow host does not look like a lost CPU
	capture_cpus(answering);
	config = (struct lb_capture_config){.format = format, .cpus = cpus, .apic_count = 32};
	if (lb_helpers_open(&config, 1, &count, &err))
		fail_msg("%s", err.text);
	return count;
}

// Batch n has the pages from 5 * n on. Their number depends on n.
static void fill_batch(struct lb_batch *batch, uint32_t n)
{
	assert_int_equal(batch->count, 0);
	batch->count = 1 + n % LB_BATCH_PAGES;
	for (uint32_t i = 0; i < batch->count; i++)
		batch->phys[i] = BASE + (5 * n + i) % PAGES * LB_PAGE;
}

static void check_batch(const struct lb_batch *batch, uint32_t n)
{
	uint32_t at = 0;

	assert_non_null(batch);
	assert_int_equal(batch->count, 1 + n % LB_BATCH_PAGES);
	for (uint32_t i = 0; i < batch->count; i++) {
		uint32_t index = (5 * n + i) % PAGES;

		assert_int_equal(batch->phys[i], BASE + index * LB_PAGE);
		if (index % 7 == 3) {
			assert_int_equal(batch->bytes[i], 0);
			continue;
		}
		assert_int_equal(batch->flags[i], LB_COMPRESS_RAW);
		assert_int_equal(batch->bytes[i], LB_PAGE);
		assert_memory_equal(batch->data + at, pages[index], LB_PAGE);
		at += batch->bytes[i];
	}
	assert_int_equal(batch->data_bytes, at);
}

// Submits batches while the ring takes any, and collects them in order; returns the most that were in flight
// at once.
static uint32_t run_batches(uint32_t count)
{
	uint32_t handed = 0, collected = 0, most = 0;

	while (collected < count) {
		struct lb_batch *batch = handed < count ? lb_helpers_get() : NULL;

		if (batch) {
			fill_batch(batch, handed++);
			lb_helpers_submit(batch);
			most = handed - collected > most ? handed - collected : most;
			continue;
		}
		check_batch(lb_helpers_collect(), collected++);
	}
	assert_null(lb_helpers_collect());
	return most;
}

static void test_alone(void **state)
{
	(void)state;
	assert_int_equal(open_helpers(LB_DUMP_RAW, 1, 8), 1);
	assert_int_equal(run_batches(300), 3);
	lb_helpers_close();
}

static void test_nobody_answers(void **state)
{
	(void)state;
	assert_int_equal(open_helpers(LB_DUMP_RAW, 4, 0), 1);
	assert_int_equal(run_batches(300), 6);
	lb_helpers_close();
}

static void test_together(void **state)
{
	(void)state;
	for (uint32_t cpus = 2; cpus <= 8; cpus *= 2) {
		assert_int_equal(open_helpers(LB_DUMP_RAW, cpus, 16), cpus);
		assert_int_equal(run_batches(1000), cpus + 2);
		lb_helpers_close();
	}
	assert_string_equal(capture_said(), "");
}

static void test_compressing_together(void **state)
{
	(void)state;
	assert_int_equal(open_helpers(LB_DUMP_ZSTD, 4, 3), 4);
	for (uint32_t n = 0; n < 200; n++) {
		struct lb_batch *batch = lb_helpers_get();

		if (!batch) {
			const struct lb_batch *done = lb_helpers_collect();

			assert_non_null(done);
			for (uint32_t i = 0; i < done->count; i++)
				assert_true(!done->bytes[i] || done->flags[i] == LB_COMPRESS_ZSTD);
			batch = lb_helpers_get();
		}
		fill_batch(batch, n);
		lb_helpers_submit(batch);
	}
	lb_helpers_close(); // while batches are in flight
	assert_null(lb_helpers_collect());
}

static void test_no_more_than_apics(void **state)
{
	struct lb_error err;
	uint32_t count;

	(void)state;
	capture_reset();
	capture_cpus(8);
	config = (struct lb_capture_config){.format = LB_DUMP_RAW, .cpus = 64, .apic_count = 2};
	assert_int_equal(lb_helpers_open(&config, 1, &count, &err), 0);
	assert_int_equal(count, 2);
	lb_helpers_close();
}

static void test_memory_limits_cpus(void **state)
{
	struct lb_error err = {""};
	uint32_t count = 0;

	(void)state;
	capture_reset();
	capture_cpus(16);
	capture_heap_limit(4 * LB_MIB);
	config = (struct lb_capture_config){.format = LB_DUMP_ZSTD, .cpus = 16, .apic_count = 16};
	assert_int_equal(lb_helpers_open(&config, 1, &count, &err), 0);
	assert_int_equal(count, 9);
	// The buffers leave room for the CPUs' stacks and the writer.
	assert_true(lb_heap_left() >= 8 * LB_CAPTURE_CPU + LB_CAPTURE_WRITER);
	lb_helpers_close();

	// One CPU may have all the memory. With less than it needs, no helper is opened.
	capture_reset();
	capture_heap_limit(1300 * LB_KIB);
	assert_int_equal(lb_helpers_open(&config, 1, &count, &err), 0);
	assert_int_equal(count, 1);
	lb_helpers_close();
	capture_reset();
	capture_heap_limit(LB_MIB);
	assert_int_equal(lb_helpers_open(&config, 1, &count, &err), -1);
	assert_non_null(strstr(err.text, "one CPU takes"));
}

static void test_contexts(void **state)
{
	(void)state;
	for (int format = LB_DUMP_ZSTD; format <= LB_DUMP_RAW; format++)
		assert_true(lb_compressor_bytes((enum lb_dump_format)format) <= LB_CAPTURE_CONTEXT);
}

static void take(uint64_t bytes)
{
	assert_non_null(lb_heap_pages(bytes));
}

static uint32_t open_buffers(struct memory_disk *disk, uint32_t cpus, uint32_t targets)
{
	struct lb_partition *partition;
	struct lb_error err = {""};
	uint32_t buffers;
	uint64_t before;

	take(LB_CAPTURE_DISK);
	before = lb_heap_used();
	buffers = lb_capture_buffers(lb_heap_left(), cpus, targets);
	buffers = buffers < LB_DISK_MAX_DEPTH ? buffers : LB_DISK_MAX_DEPTH;
	if (lb_partition_open(&disk->disk, &disk->target, buffers, &partition, &err) != 0)
		fail_msg("%s", err.text);
	// The partition got all its buffers.
	assert_true(lb_heap_used() - before >= buffers * LB_PARTITION_BUFFER);
	assert_true(lb_heap_used() - before <= buffers * LB_PARTITION_BUFFER + LB_CAPTURE_STATE / 2);
	return buffers;
}

// Takes memory as a capture kernel does, in its order, from the heap that the loader planned. Each part takes
// what capturesize.h says, and everything planned fits.
static void check_plan(const struct lb_capture_need *need, enum lb_dump_format format)
{
	uint32_t left = need->targets;
	struct lb_error err = {""};
	struct lb_capture_size size;
	struct memory_disk disk;
	uint32_t count = 0, buffers;

	assert_int_equal(lb_capture_size(need, 64 * LB_MIB, &size, &err), 0);
	assert_int_equal(size.cpus, need->cpus);
	capture_reset();
	capture_cpus(LB_MAX_CAPTURE_CPUS);
	capture_heap_limit(size.buffers + size.helpers + size.tables + size.slack);
	memory_disk_open(&disk, LB_MIB, 0);
	config = (struct lb_capture_config){.format = format,
					    .cpus = size.cpus,
					    .crypt = need->cpus % 2, // encryption does not change the plan
					    .apic_count = LB_MAX_CAPTURE_CPUS,
					    .target_count = need->targets};
	take(LB_CAPTURE_SCRATCH + LB_CAPTURE_REPORT + LB_CAPTURE_CHUNK);
	take(128 * LB_KIB); // lists of RAM and ranges, tables of registers
	assert_true(lb_capture_tables(lb_heap_left(), config.cpus, need->targets) >= size.tables);
	take(size.tables ? size.tables : need->cpus * LB_PAGE); // page tables, or a window for each CPU
	take(LB_CAPTURE_GPT);
	buffers = open_buffers(&disk, config.cpus, need->targets);
	assert_true(need->targets > 1 || buffers >= 8);
	if (left > 1) // the first target fails before its log is written
		open_buffers(&disk, config.cpus, --left);
	assert_int_equal(lb_helpers_open(&config, left, &count, &err), 0);
	assert_int_equal(count, need->cpus);
	if (count > 1)
		// Stacks, which the threads here do not take from the heap.
		take((count - 1) * LB_CAPTURE_CPU);
	lb_helpers_close();
	take(LB_CAPTURE_WRITER);
	while (--left) {
		open_buffers(&disk, 0, left);
		take(LB_CAPTURE_WRITER);
	}
	memory_disk_close(&disk);
}

static void test_planned(void **state)
{
	(void)state;
	for (uint32_t cpus = 1; cpus <= LB_MAX_CAPTURE_CPUS; cpus++) {
		for (uint32_t targets = 1; targets <= LB_MAX_TARGETS; targets += 3) {
			struct lb_capture_need need = {
				.contents = 2 * LB_MIB, .cpus = cpus, .targets = targets};

			if (cpus % 4)
				need.tables = cpus % 2 ? 64 * LB_KIB : LB_CAPTURE_TABLES_MAX;
			check_plan(&need, cpus % 3 ? LB_DUMP_ZSTD : LB_DUMP_ZLIB);
		}
	}
}

// CPUs 1 and up stop in the middle of a batch until `go` is set, and then go on.
static struct {
	uint32_t stopped; // atomic: number of CPUs that have stopped
	uint32_t go; // atomic
} stop;
static uint8_t wrong_page[LB_PAGE] __attribute__((aligned(LB_PAGE)));

static const void *stopping_page(void *ctx, uint32_t cpu, uint64_t phys)
{
	(void)ctx;
	(void)phys;
	if (!cpu)
		return NULL;
	if (!__atomic_load_n(&stop.go, __ATOMIC_ACQUIRE)) {
		__atomic_fetch_add(&stop.stopped, 1, __ATOMIC_ACQ_REL);
		while (!__atomic_load_n(&stop.go, __ATOMIC_ACQUIRE))
			sched_yield();
	}
	return wrong_page; // a CPU that was given up may write only to its own buffers
}

static void test_stopped_cpus(void **state)
{
	uint32_t n = 0, standing = 3;

	(void)state;
	memset(&stop, 0, sizeof(stop));
	memset(wrong_page, 0xee, sizeof(wrong_page));
	assert_int_equal(open_helpers(LB_DUMP_RAW, 1 + standing, standing), 1 + standing);
	capture_old_page_by(stopping_page, NULL);
	capture_clock_pause(10000);
	for (struct lb_batch *batch; (batch = lb_helpers_get()) != NULL;) {
		fill_batch(batch, n++);
		lb_helpers_submit(batch);
	}
	assert_int_equal(n, standing + 3);
	while (__atomic_load_n(&stop.stopped, __ATOMIC_ACQUIRE) < standing)
		sched_yield();
	for (uint32_t i = 0; i < n; i++)
		check_batch(lb_helpers_collect(), i);
	assert_non_null(strstr(capture_said(), "CPU 1 stopped"));
	assert_non_null(strstr(capture_said(), "CPU 2 stopped"));
	assert_non_null(strstr(capture_said(), "CPU 3 stopped"));

	// The three lost batches never return to the ring. What their CPUs write later is never read.
	__atomic_store_n(&stop.go, 1, __ATOMIC_RELEASE);
	assert_int_equal(run_batches(500), 3);
	lb_helpers_close();
}

// Chunks are submitted between batches. Each is sealed, and they come back in order.
static void test_chunks(void **state)
{
	static const uint8_t key[LB_CRYPT_KEY] = {7};
	uint32_t handed = 0, collected = 0, count = 0;
	struct lb_error err = {""};

	(void)state;
	open_helpers(LB_DUMP_RAW, 1, 1);
	assert_null(lb_helpers_chunk_get()); // without encryption there are no chunks
	lb_helpers_close();
	capture_reset();
	capture_ram_add(BASE, pages, sizeof(pages));
	capture_clock_pause(0);
	capture_cpus(4);
	config = (struct lb_capture_config){.format = LB_DUMP_RAW, .cpus = 4, .apic_count = 4, .crypt = 1};
	assert_int_equal(lb_helpers_open(&config, 1, &count, &err), 0);
	while (collected < 200) {
		struct lb_chunk *chunk = handed < 200 ? lb_helpers_chunk_get() : NULL;

		if (chunk) {
			chunk->key = key;
			chunk->place = (struct lb_chunk_place){handed, false};
			chunk->bytes = 1 + handed * 327 % LB_CHUNK_PLAIN;
			memset(chunk->plain, (int)handed++, chunk->bytes);
			lb_helpers_chunk_submit(chunk);
			if (handed % 3 == 0)
				run_batches(2);
			continue;
		}
		chunk = lb_helpers_chunk_collect();
		assert_non_null(chunk);
		assert_int_equal(chunk->place.number, collected);
		assert_true(lb_chunk_open(key, chunk->place, chunk->sealed, chunk->bytes + LB_CRYPT_TAG));
		for (uint32_t i = 0; i < chunk->bytes; i++)
			assert_int_equal(chunk->sealed[i], (uint8_t)collected);
		collected++;
	}
	assert_null(lb_helpers_chunk_collect());
	lb_helpers_close();
}

static int all_home(void **state)
{
	(void)state;
	capture_reset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_together),
		cmocka_unit_test(test_compressing_together),
		cmocka_unit_test(test_no_more_than_apics),
		cmocka_unit_test(test_memory_limits_cpus),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_planned),
		cmocka_unit_test(test_stopped_cpus),
		cmocka_unit_test(test_chunks),
	};

	fill_pages();
	return cmocka_run_group_tests(tests, NULL, all_home);
}
