// SPDX-License-Identifier: BSD-2-Clause
// A ring of jobs between the first CPU, which fills it, and all CPUs, which work. A CPU takes a job by
// setting `taken` from 0 to its number + 1, so each job has one owner. The first CPU sees what the owner
// wrote once it sees `done`.
//
// A CPU that stops inside a job may resume at any time and write into the job. So the job and its data
// are never used again, and the spare job replaces it. After each such loss the ring is one job shorter.
// Each further CPU costs one job at most, and the first CPU's own job always stays.
#ifndef LIFEBOAT_CRASH_DUMP_RING_H
#define LIFEBOAT_CRASH_DUMP_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "lifeboat/capture_config.h"

#define LB_RING_MAX (LB_MAX_CAPTURE_CPUS + 2)

// The beginning of every job.
struct lb_job {
	uint32_t done; // set last, with release order
	uint32_t taken; // number of the CPU that has it, plus 1; 0: none
};

struct lb_ring {
	// Jobs in flight: queue[i % LB_RING_MAX] for oldest <= i < next. All atomic: read by all, written by
	// the first CPU. A stale pointer in it does no harm, because its job is not to be taken.
	struct lb_job *queue[LB_RING_MAX];
	uint64_t oldest, next;

	// The first CPU's own.
	struct lb_job *idle[LB_RING_MAX];
	uint32_t idle_count;
	struct lb_job *spare; // NULL: the next job that comes back becomes it
	struct lb_job *lent; // collected, the caller's until its next call
};

// Adds a new job that may be in flight; the first one becomes the spare. At most LB_RING_MAX + 1.
void lb_ring_add(struct lb_ring *ring, struct lb_job *job);

// Takes the oldest job that nobody has, which is CPU `cpu`'s then; NULL when there is none. Any CPU may call
// it.
struct lb_job *lb_ring_take(struct lb_ring *ring, uint32_t cpu);
void lb_ring_done(struct lb_job *job);

// Gets a job to fill; NULL when all are in flight. The first CPU alone may call it.
struct lb_job *lb_ring_get(struct lb_ring *ring);
void lb_ring_submit(struct lb_ring *ring, struct lb_job *job);
bool lb_ring_is_idle(const struct lb_ring *ring); // nothing in flight
// The oldest job in flight; NULL when there is none.
struct lb_job *lb_ring_oldest(const struct lb_ring *ring);
bool lb_ring_is_done(const struct lb_job *job);
// Takes the oldest out of flight. `instead`: the oldest, or lb_ring_replace()'s. It is the caller's until
// its next lb_ring_get() or lb_ring_collect().
void lb_ring_collect(struct lb_ring *ring, struct lb_job *instead);
void lb_ring_end_loan(struct lb_ring *ring);
// The oldest's owner is lost: what stands in for it, to be filled and done by the caller.
struct lb_job *lb_ring_replace(struct lb_ring *ring);

#endif
