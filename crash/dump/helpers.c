// SPDX-License-Identifier: BSD-2-Clause
// A ring of batches between one that fills it (the first CPU) and all that compress. Who
// compresses takes a batch by setting `taken` from 0 to its number, so that each has one owner;
// what the owner writes is seen by the first CPU once it sees `done`.
//
// A CPU that stops inside a batch may go on at any time and write into it. So that batch,
// with its data, is left to it for ever, and the spare one stands in: after each such loss the
// ring is one batch shorter. It loses at most one for each further CPU, and always keeps the
// first CPU's.
#include "crash/dump/helpers.h"

#include <stdbool.h>

#include "crash/platform/platform.h"
#include "crash/platform/smp.h"
#include "lib/mem.h"
#include "lifeboat/range.h"

#define FIRST_CPU 0
#define NOT_HANDED UINT32_MAX // in `taken`: nobody's to take
#define RING_MAX (LB_MAX_CAPTURE_CPUS + 2)
_Static_assert(sizeof(struct lb_batch) <= LB_PAGE, "its data follows in the next page");

// A batch takes milliseconds, tens of them under emulation.
#define LATE_MS 2000

static struct {
	uint32_t cpus; // that there is memory for, the first included
	uint32_t ring; // batches that may be in flight
	uint32_t end; // atomic: 1: go home
	struct lb_compressor *compressors[LB_MAX_CAPTURE_CPUS];
	uint32_t barred[LB_MAX_CAPTURE_CPUS]; // atomic: 1: gets no batch any more

	// In flight: queue[i % RING_MAX] for oldest <= i < next. All atomic: read by all, written by
	// the first CPU. A stale pointer in it does no harm, because its batch is not to be taken.
	struct lb_batch *queue[RING_MAX];
	uint64_t oldest, next;

	// The first CPU's own.
	struct lb_batch *idle[RING_MAX];
	uint32_t idle_count;
	struct lb_batch *spare; // NULL: the next batch that comes back becomes it
	struct lb_batch *lent; // collected, the caller's until its next call
} helpers;

static void compress_batch(uint32_t cpu, struct lb_batch *batch)
{
	uint32_t at = 0;

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
	__atomic_store_n(&batch->done, 1, __ATOMIC_RELEASE);
}

// The oldest batch that nobody has, now this CPU's; NULL when there is none.
static struct lb_batch *take_batch(uint32_t cpu)
{
	uint64_t next = __atomic_load_n(&helpers.next, __ATOMIC_ACQUIRE);

	for (uint64_t i = __atomic_load_n(&helpers.oldest, __ATOMIC_RELAXED); i < next; i++) {
		struct lb_batch *batch = __atomic_load_n(&helpers.queue[i % RING_MAX], __ATOMIC_ACQUIRE);
		uint32_t nobody = 0;

		if (__atomic_compare_exchange_n(&batch->taken, &nobody, cpu + 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return batch;
	}
	return NULL;
}

// A further CPU's whole life.
static void work(uint32_t cpu)
{
	while (!__atomic_load_n(&helpers.end, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&helpers.barred[cpu], __ATOMIC_ACQUIRE)) {
		struct lb_batch *batch = take_batch(cpu);

		if (batch)
			compress_batch(cpu, batch);
		else
			lb_pause();
	}
}

static struct lb_batch *new_batch(void)
{
	struct lb_batch *batch = lb_heap_pages(LB_CAPTURE_BATCH);

	if (!batch)
		return NULL;
	batch->page = (uint8_t *)batch + LB_PAGE;
	batch->data = batch->page + LB_PAGE;
	batch->taken = NOT_HANDED;
	return batch;
}

static int make_parts(enum lb_dump_format format, struct lb_error *err)
{
	for (uint32_t cpu = 0; cpu < helpers.cpus; cpu++) {
		void *area = lb_heap_pages(lb_compressor_bytes(format));

		helpers.compressors[cpu] = area ? lb_compressor_open(area, format) : NULL;
		if (!helpers.compressors[cpu])
			return lb_fail(err, "compression: its library does not start in %lu bytes for CPU %u",
				       lb_compressor_bytes(format), cpu);
	}
	for (uint32_t i = 0; i < helpers.ring; i++) {
		helpers.idle[i] = new_batch();
		if (!helpers.idle[i])
			return lb_fail(err, "compression: no memory for batch %u of %u", i, helpers.ring);
	}
	helpers.idle_count = helpers.ring;
	helpers.spare = new_batch();
	if (!helpers.spare)
		return lb_fail(err, "compression: no memory for the spare batch");
	return 0;
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
		wanted = 1; // this one is there in any case
	cpus = lb_capture_cpus(left, wanted, targets);
	if (!cpus)
		return lb_fail(err, "compression: one CPU takes %lu bytes, %lu are left",
			       lb_capture_helpers(1), left);
	memset(&helpers, 0, sizeof(helpers));
	helpers.cpus = cpus;
	helpers.ring = cpus + 2;
	if (make_parts((enum lb_dump_format)capture->format, err) != 0)
		return -1;
	*ret_cpus = 1 + (cpus > 1 ? lb_smp_start(capture, cpus - 1, work) : 0);
	return 0;
}

// What comes back fills the place of the spare first.
static void give_back(struct lb_batch *batch)
{
	if (!helpers.spare)
		helpers.spare = batch;
	else
		helpers.idle[helpers.idle_count++] = batch;
}

static void end_loan(void)
{
	if (helpers.lent)
		give_back(helpers.lent);
	helpers.lent = NULL;
}

struct lb_batch *lb_helpers_get(void)
{
	struct lb_batch *batch;

	end_loan();
	if (!helpers.idle_count)
		return NULL;
	batch = helpers.idle[--helpers.idle_count];
	batch->count = 0;
	return batch;
}

void lb_helpers_submit(struct lb_batch *batch)
{
	batch->done = 0;
	__atomic_store_n(&batch->taken, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&helpers.queue[helpers.next % RING_MAX], batch, __ATOMIC_RELEASE);
	__atomic_store_n(&helpers.next, helpers.next + 1, __ATOMIC_RELEASE);
}

// The oldest batch's owner is lost: this CPU compresses it again, in the spare. There is one:
// what stood in the last time has come back since.
static struct lb_batch *replace_oldest(struct lb_batch *lost)
{
	struct lb_batch *batch = helpers.spare;
	uint32_t cpu = __atomic_load_n(&lost->taken, __ATOMIC_RELAXED) - 1;

	lb_say("CPU %u stopped in the middle of a batch, going on without it", cpu);
	__atomic_store_n(&helpers.barred[cpu], 1, __ATOMIC_RELEASE);
	helpers.spare = NULL;
	batch->count = lost->count;
	memcpy(batch->phys, lost->phys, sizeof(batch->phys));
	memcpy(batch->index, lost->index, sizeof(batch->index));
	batch->done = 0;
	compress_batch(FIRST_CPU, batch);
	return batch;
}

// Bounded: the first CPU compresses what nobody has, and waits LATE_MS for the rest.
static struct lb_batch *finish(struct lb_batch *batch)
{
	struct lb_deadline late = lb_deadline_in(LATE_MS);

	while (!__atomic_load_n(&batch->done, __ATOMIC_ACQUIRE)) {
		struct lb_batch *mine = take_batch(FIRST_CPU);

		if (mine)
			compress_batch(FIRST_CPU, mine);
		else if (lb_deadline_passed(late))
			return replace_oldest(batch);
		else
			lb_pause();
	}
	return batch;
}

bool lb_helpers_idle(void)
{
	return helpers.oldest == helpers.next;
}

struct lb_batch *lb_helpers_collect(void)
{
	end_loan();
	if (lb_helpers_idle())
		return NULL;
	helpers.lent = finish(helpers.queue[helpers.oldest % RING_MAX]);
	__atomic_store_n(&helpers.lent->taken, NOT_HANDED, __ATOMIC_RELAXED);
	__atomic_store_n(&helpers.oldest, helpers.oldest + 1, __ATOMIC_RELEASE);
	return helpers.lent;
}

void lb_helpers_close(void)
{
	while (lb_helpers_collect())
		continue;
	__atomic_store_n(&helpers.end, 1, __ATOMIC_RELEASE);
}
