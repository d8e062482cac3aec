// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dump/ring.h"

#include <stddef.h>

#define NOT_HANDED UINT32_MAX // in `taken`: no CPU may take the job

// Gives a job back. It becomes the spare if there is none.
static void give_back(struct lb_ring *ring, struct lb_job *job)
{
	if (!ring->spare)
		ring->spare = job;
	else
		ring->idle[ring->idle_count++] = job;
}

void lb_ring_add(struct lb_ring *ring, struct lb_job *job)
{
	job->taken = NOT_HANDED;
	give_back(ring, job);
}

struct lb_job *lb_ring_take(struct lb_ring *ring, uint32_t cpu)
{
	uint64_t next = __atomic_load_n(&ring->next, __ATOMIC_ACQUIRE);

	for (uint64_t i = __atomic_load_n(&ring->oldest, __ATOMIC_RELAXED); i < next; i++) {
		struct lb_job *job = __atomic_load_n(&ring->queue[i % LB_RING_MAX], __ATOMIC_ACQUIRE);
		uint32_t nobody = 0;

		if (__atomic_compare_exchange_n(&job->taken, &nobody, cpu + 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return job;
	}
	return NULL;
}

void lb_ring_done(struct lb_job *job)
{
	__atomic_store_n(&job->done, 1, __ATOMIC_RELEASE);
}

void lb_ring_end_loan(struct lb_ring *ring)
{
	if (ring->lent)
		give_back(ring, ring->lent);
	ring->lent = NULL;
}

struct lb_job *lb_ring_get(struct lb_ring *ring)
{
	lb_ring_end_loan(ring);
	return ring->idle_count ? ring->idle[--ring->idle_count] : NULL;
}

void lb_ring_submit(struct lb_ring *ring, struct lb_job *job)
{
	job->done = 0;
	__atomic_store_n(&job->taken, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->queue[ring->next % LB_RING_MAX], job, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->next, ring->next + 1, __ATOMIC_RELEASE);
}

bool lb_ring_is_idle(const struct lb_ring *ring)
{
	return ring->oldest == ring->next;
}

struct lb_job *lb_ring_oldest(const struct lb_ring *ring)
{
	return lb_ring_is_idle(ring) ? NULL : ring->queue[ring->oldest % LB_RING_MAX];
}

bool lb_ring_is_done(const struct lb_job *job)
{
	return __atomic_load_n(&job->done, __ATOMIC_ACQUIRE);
}

void lb_ring_collect(struct lb_ring *ring, struct lb_job *instead)
{
	ring->lent = instead;
	__atomic_store_n(&instead->taken, NOT_HANDED, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->oldest, ring->oldest + 1, __ATOMIC_RELEASE);
}

// The spare is never missing here: the job that it replaced last time has been given back since.
struct lb_job *lb_ring_replace(struct lb_ring *ring)
{
	struct lb_job *job = ring->spare;

	ring->spare = NULL;
	job->done = 0;
	return job;
}
