// SPDX-License-Identifier: BSD-2-Clause
// Two rings of jobs: batches of pages to compress, and chunks to seal. Chunks go first, because the disk
// waits for them.
#include "crash/dump/helpers.h"

#include <stdbool.h>

#include "crash/platform/platform.h"
#include "crash/platform/smp.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

#define FIRST_CPU 0
_Static_assert(sizeof(struct lb_batch) <= LB_PAGE, "its data follows in the next page");
_Static_assert(sizeof(struct lb_chunk) <= LB_PAGE &&
		       LB_CHUNK_PLAIN + LB_CHUNK_SEALED <= LB_CAPTURE_CHUNK - LB_PAGE,
	       "its data follows in the next page");

// A batch takes milliseconds, tens of them under emulation.
#define LATE_MS 2000

static struct {
	uint32_t cpus; // CPUs that have memory, the first one included
	uint32_t end; // atomic; 1: the other CPUs stop
	struct lb_compressor *compressors[LB_MAX_CAPTURE_CPUS];
	uint32_t barred[LB_MAX_CAPTURE_CPUS]; // atomic; 1: this CPU gets no more jobs
	struct lb_ring batches, chunks;
} helpers;

// The batch of a job: `job` is its first member.
static struct lb_batch *batch_of(struct lb_job *job)
{
	return (struct lb_batch *)job;
}

static struct lb_chunk *chunk_of(struct lb_job *job)
{
	return (struct lb_chunk *)job;
}

static void compress_batch(uint32_t cpu, struct lb_batch *batch)
{
	uint32_t at = 0;

	// the batch's bytes must not depend on which CPU compresses it
	lb_compressor_forget(helpers.compressors[cpu]);
	for (uint32_t i = 0; i < batch->count; i++) {
		batch->bytes[i] = 0;
		batch->flags[i] = LB_COMPRESS_RAW;
		if (!lb_old_page_copy(cpu, batch->phys[i], batch->page)) {
			batch->flags[i] = LB_BATCH_LOST;
			continue;
		}
		if (lb_compress_is_zero(batch->page))
			continue;
		batch->bytes[i] = lb_compress_page(helpers.compressors[cpu], batch->page, batch->data + at,
						   &batch->flags[i]);
		at += batch->bytes[i];
	}
	batch->data_bytes = at;
	lb_ring_done(&batch->job);
}

void lb_chunk_run(struct lb_chunk *chunk)
{
	lb_chunk_seal(chunk->key, chunk->place, chunk->plain, chunk->bytes, chunk->sealed);
	lb_ring_done(&chunk->job);
}

// Does one job, if there is one that no CPU has taken.
static bool work_once(uint32_t cpu)
{
	struct lb_job *job = lb_ring_take(&helpers.chunks, cpu);

	if (job) {
		lb_chunk_run(chunk_of(job));
		return true;
	}
	job = lb_ring_take(&helpers.batches, cpu);
	if (job)
		compress_batch(cpu, batch_of(job));
	return job;
}

// The main loop of another CPU.
static void work(uint32_t cpu)
{
	while (!__atomic_load_n(&helpers.end, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&helpers.barred[cpu], __ATOMIC_ACQUIRE)) {
		if (!work_once(cpu))
			lb_pause();
	}
}

static int add_batches(uint32_t count, struct lb_error *err)
{
	for (uint32_t i = 0; i < count; i++) {
		struct lb_batch *batch = lb_heap_pages(LB_CAPTURE_BATCH);

		if (!batch)
			return lb_fail(err, "compression: no memory for batch %u of %u", i, count);
		batch->page = (uint8_t *)batch + LB_PAGE;
		batch->data = batch->page + LB_PAGE;
		lb_ring_add(&helpers.batches, &batch->job);
	}
	return 0;
}

struct lb_chunk *lb_chunk_new(void)
{
	struct lb_chunk *chunk = lb_heap_pages(LB_CAPTURE_CHUNK);

	if (!chunk)
		return NULL;
	chunk->plain = (uint8_t *)chunk + LB_PAGE;
	chunk->sealed = chunk->plain + LB_CHUNK_PLAIN;
	return chunk;
}

static int add_chunks(uint32_t count, struct lb_error *err)
{
	for (uint32_t i = 0; i < count; i++) {
		struct lb_chunk *chunk = lb_chunk_new();

		if (!chunk)
			return lb_fail(err, "encryption: no memory for chunk %u of %u", i, count);
		lb_ring_add(&helpers.chunks, &chunk->job);
	}
	return 0;
}

static int make_parts(const struct lb_capture_config *capture, struct lb_error *err)
{
	const enum lb_dump_format format = (enum lb_dump_format)capture->format;

	for (uint32_t cpu = 0; cpu < helpers.cpus; cpu++) {
		void *area = lb_heap_pages(lb_compressor_bytes(format));

		helpers.compressors[cpu] = area ? lb_compressor_open(area, format) : NULL;
		if (!helpers.compressors[cpu])
			return lb_fail(err, "compression: its library does not start in %lu bytes for CPU %u",
				       lb_compressor_bytes(format), cpu);
	}
	if (add_batches(lb_capture_batches(helpers.cpus), err) != 0)
		return -1;
	return capture->crypt ? add_chunks(lb_capture_chunks(helpers.cpus), err) : 0;
}

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

int lb_helpers_open(const struct lb_capture_config *capture, uint32_t targets, uint32_t *ret_cpus,
		    struct lb_error *err)
{
	uint32_t wanted = min32(min32(capture->cpus, capture->apic_count), LB_MAX_CAPTURE_CPUS), cpus;
	uint64_t left = lb_heap_left();

	if (!wanted)
		wanted = 1; // this CPU always works
	cpus = lb_capture_cpus(left, wanted, targets);
	if (!cpus)
		return lb_fail(err, "compression: one CPU takes %lu bytes, %lu are left",
			       lb_capture_helpers(1), left);
	memset(&helpers, 0, sizeof(helpers));
	helpers.cpus = cpus;
	if (make_parts(capture, err) != 0)
		return -1;
	*ret_cpus = 1 + (cpus > 1 ? lb_smp_start(capture, cpus - 1, work) : 0);
	return 0;
}

// Bars the CPU that has a lost job from further jobs.
static void bar_owner(const struct lb_job *lost, const char *what)
{
	uint32_t cpu = __atomic_load_n(&lost->taken, __ATOMIC_RELAXED) - 1;

	lb_say("CPU %u stopped in the middle of a %s, going on without it", cpu, what);
	__atomic_store_n(&helpers.barred[cpu], 1, __ATOMIC_RELEASE);
}

// Compresses a batch again on this CPU, in the spare.
static struct lb_job *redo_batch(struct lb_job *job)
{
	const struct lb_batch *lost = batch_of(job);
	struct lb_batch *batch = batch_of(lb_ring_replace(&helpers.batches));

	bar_owner(job, "batch");
	batch->count = lost->count;
	memcpy(batch->phys, lost->phys, sizeof(batch->phys));
	memcpy(batch->index, lost->index, sizeof(batch->index));
	compress_batch(FIRST_CPU, batch);
	return &batch->job;
}

// Seals a chunk again on this CPU, in the spare. Same bytes, key and place give the same ciphertext.
static struct lb_job *redo_chunk(struct lb_job *job)
{
	const struct lb_chunk *lost = chunk_of(job);
	struct lb_chunk *chunk = chunk_of(lb_ring_replace(&helpers.chunks));

	bar_owner(job, "chunk");
	chunk->key = lost->key;
	chunk->place = lost->place;
	chunk->bytes = lost->bytes;
	memcpy(chunk->plain, lost->plain, lost->bytes);
	lb_chunk_run(chunk);
	return &chunk->job;
}

// Collects the oldest job of a ring, done. Bounded: the first CPU does the jobs that nobody has taken,
// and waits at most LATE_MS for another CPU.
static struct lb_job *collect(struct lb_ring *ring, struct lb_job *(*redo)(struct lb_job *lost))
{
	struct lb_deadline late = lb_deadline_in(LATE_MS);
	struct lb_job *job;

	lb_ring_end_loan(ring);
	job = lb_ring_oldest(ring);
	if (!job)
		return NULL;
	while (!lb_ring_is_done(job)) {
		if (work_once(FIRST_CPU)) {
			continue;
		} else if (lb_deadline_passed(late)) {
			job = redo(job);
			break;
		}
		lb_pause();
	}
	lb_ring_collect(ring, job);
	return job;
}

struct lb_batch *lb_helpers_get(void)
{
	struct lb_job *job = lb_ring_get(&helpers.batches);

	if (!job)
		return NULL;
	batch_of(job)->count = 0;
	return batch_of(job);
}

void lb_helpers_submit(struct lb_batch *batch)
{
	lb_ring_submit(&helpers.batches, &batch->job);
}

bool lb_helpers_idle(void)
{
	return lb_ring_is_idle(&helpers.batches);
}

struct lb_batch *lb_helpers_collect(void)
{
	return batch_of(collect(&helpers.batches, redo_batch));
}

struct lb_chunk *lb_helpers_chunk_get(void)
{
	return chunk_of(lb_ring_get(&helpers.chunks));
}

void lb_helpers_chunk_submit(struct lb_chunk *chunk)
{
	lb_ring_submit(&helpers.chunks, &chunk->job);
}

struct lb_chunk *lb_helpers_chunk_collect(void)
{
	return chunk_of(collect(&helpers.chunks, redo_chunk));
}

void lb_helpers_close(void)
{
	while (lb_helpers_chunk_collect())
		continue;
	while (lb_helpers_collect())
		continue;
	__atomic_store_n(&helpers.end, 1, __ATOMIC_RELEASE);
}
