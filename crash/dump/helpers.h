// SPDX-License-Identifier: BSD-2-Clause
// The CPUs that compress. The first CPU is the one that panicked; it also runs everything else. The other
// CPUs were started by INIT-SIPI, and only work on batches and chunks.
//
// A batch is up to LB_BATCH_PAGES pages. The first CPU fills a batch's `phys` and hands the batch over.
// Batches come back in the order in which they were handed over, with every page compressed.
//
// A chunk is a piece of an encrypted file. Chunks are handed over in the same way, to be sealed.
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
	uint64_t phys[LB_BATCH_PAGES]; // where each page is now
	uint64_t index[LB_BATCH_PAGES]; // the caller's number of each page
	// Filled by the CPU that compresses. Page i is `bytes[i]` bytes, and follows page i - 1 in `data`.
	// With 0 bytes the page is all zeroes.
	uint32_t bytes[LB_BATCH_PAGES];
	uint32_t flags[LB_BATCH_PAGES];
	uint32_t data_bytes; // of all pages
	uint8_t *data; // room for LB_BATCH_PAGES pages
	uint8_t *page; // a copy of the page that is being compressed
};

struct lb_chunk {
	struct lb_job job; // the first member
	const uint8_t *key; // stays valid until the chunk was collected
	struct lb_chunk_place place;
	uint32_t bytes; // 0 to LB_CHUNK_PLAIN
	uint8_t *plain; // room for LB_CHUNK_PLAIN
	uint8_t *sealed; // `bytes` + LB_CRYPT_TAG bytes
};

// Starts the helpers, this CPU among them: at most capture->cpus. There are fewer where memory is short
// (lb_capture_cpus()) or a CPU does not answer in time. *ret_cpus: the number of helpers. `targets`: the
// number of targets that may yet need memory, the open one included. Called once: memory and CPUs stay.
int lb_helpers_open(const struct lb_capture_config *capture, uint32_t targets, uint32_t *ret_cpus,
		    struct lb_error *err);

// Gets a batch to fill. NULL when all are in flight: lb_helpers_collect() has to be called first.
struct lb_batch *lb_helpers_get(void);
void lb_helpers_submit(struct lb_batch *batch);
// Takes back the oldest batch in flight. This CPU works on batches itself until that batch is done. NULL when
// no batch is in flight. The batch is the caller's until the next lb_helpers_get() or lb_helpers_collect().
// When a CPU stopped in the middle of a batch, this CPU does the batch again.
struct lb_batch *lb_helpers_collect(void);
// Is no batch in flight?
bool lb_helpers_idle(void);
// The same for chunks, where capture->crypt was not 0. Where it was 0, lb_helpers_chunk_get() returns NULL.
struct lb_chunk *lb_helpers_chunk_get(void);
void lb_helpers_chunk_submit(struct lb_chunk *chunk);
struct lb_chunk *lb_helpers_chunk_collect(void);

// Allocates a chunk for the caller alone, LB_CAPTURE_CHUNK bytes of the heap. NULL: there is no memory.
struct lb_chunk *lb_chunk_new(void);
// Seals such a chunk on this CPU.
void lb_chunk_run(struct lb_chunk *chunk);

// Drops what is in flight, and lets the other CPUs go.
void lb_helpers_close(void);

#endif
