// SPDX-License-Identifier: BSD-2-Clause
// The CPUs that compress. The first is the one that panicked and runs everything else;
// the others were started by INIT-SIPI and do nothing but take batches.
//
// A batch is up to LB_BATCH_PAGES pages. The first CPU fills its `phys`, hands it over,
// and gets it back, in the order handed over, with every page compressed.
//
// A chunk is a piece of an encrypted file, and goes the same way to be sealed.
#ifndef LIFEBOAT_CRASH_DUMP_HELPERS_H
#define LIFEBOAT_CRASH_DUMP_HELPERS_H

#include "crash/crypt/chunk.h"
#include "crash/dump/compress.h"
#include "crash/dump/ring.h"
#include "crash/plan/capturesize.h"

#define LB_BATCH_PAGES LB_CAPTURE_BATCH_PAGES
#define LB_BATCH_LOST UINT32_MAX // in `flags`: the page could not be read

struct lb_batch {
	struct lb_job job; // the first member
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
};

struct lb_chunk {
	struct lb_job job; // the first member
	const uint8_t *key; // stays until the chunk was collected
	struct lb_chunk_place place;
	uint32_t bytes; // 0 to LB_CHUNK_PLAIN
	uint8_t *plain; // room for LB_CHUNK_PLAIN
	uint8_t *sealed; // bytes + LB_CRYPT_TAG of it
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
// The same of chunks, where capture->crypt was not 0; NULL from the first where it was.
struct lb_chunk *lb_helpers_chunk_get(void);
void lb_helpers_chunk_submit(struct lb_chunk *chunk);
struct lb_chunk *lb_helpers_chunk_collect(void);

// A chunk of the caller's own, LB_CAPTURE_CHUNK of the heap; NULL: there is no memory.
struct lb_chunk *lb_chunk_new(void);
// Seals it here and now.
void lb_chunk_run(struct lb_chunk *chunk);

// Collects what is in flight, for nobody, and lets the other CPUs go.
void lb_helpers_close(void);

#endif
