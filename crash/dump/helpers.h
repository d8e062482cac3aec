// SPDX-License-Identifier: BSD-2-Clause
// The CPUs that compress. The first is the one that panicked and runs everything else;
// the others were started by INIT-SIPI and do nothing but take batches.
//
// A batch is up to LB_BATCH_PAGES pages. The first CPU fills its `phys`, hands it over,
// and gets it back, in the order handed over, with every page compressed.
#ifndef LIFEBOAT_CRASH_DUMP_HELPERS_H
#define LIFEBOAT_CRASH_DUMP_HELPERS_H

#include "crash/dump/compress.h"
#include "crash/plan/capturesize.h"

#define LB_BATCH_PAGES LB_CAPTURE_BATCH_PAGES
#define LB_BATCH_LOST UINT32_MAX // in `flags`: the page could not be read

struct lb_batch {
	// Filled by the first CPU.
	uint32_t count; // 1 to LB_BATCH_PAGES
	uint64_t phys[LB_BATCH_PAGES]; // of each page, where it is now
	uint64_t index[LB_BATCH_PAGES]; // of each page, the caller's
	// Filled by whoever compresses: page i is `bytes[i]` at data + the sum of those before it;
	// 0 bytes: all zeroes.
	uint32_t bytes[LB_BATCH_PAGES];
	uint32_t flags[LB_BATCH_PAGES];
	uint32_t data_bytes; // of all
	uint8_t *data; // room for LB_BATCH_PAGES pages
	uint8_t *page; // a copy of the page that is being compressed
	uint32_t done; // set last, with release order
	uint32_t taken; // by whom: its number + 1; 0: nobody yet
};

// Starts the helpers, this CPU among them: at most capture->cpus, fewer where memory is short
// (lb_capture_cpus()) or a CPU does not answer in time. *ret_cpus is their number. `targets`: how
// many may yet want memory, the open one included. Called once: memory and CPUs stay.
int lb_helpers_open(const struct lb_capture_config *capture, uint32_t targets, uint32_t *ret_cpus,
		    struct lb_error *err);

// A batch to fill, or NULL when all are in flight: then lb_helpers_collect() first.
struct lb_batch *lb_helpers_get(void);
void lb_helpers_submit(struct lb_batch *batch);
// The oldest batch handed over; works on batches itself until that one is done. NULL when
// none is in flight. It is the caller's until the next lb_helpers_get() or lb_helpers_collect().
// A CPU that stopped in the middle of a batch does not stop the dump: its batch is done again.
struct lb_batch *lb_helpers_collect(void);
// Is no batch in flight?
bool lb_helpers_idle(void);
// Collects what is in flight, for nobody, and lets the other CPUs go.
void lb_helpers_close(void);

#endif
