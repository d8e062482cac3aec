// SPDX-License-Identifier: BSD-2-Clause
// Writes to one partition of a disk: never outside it, several at a time, each retried
// once after a reset of the controller.
#ifndef LIFEBOAT_CRASH_DISK_SINK_H
#define LIFEBOAT_CRASH_DISK_SINK_H

#include "crash/disk/disk.h"

#define LB_SINK_BUFFER (128 * LB_KIB) // a disk with a smaller max_bytes gets it in pieces

struct lb_sink;

// A sink for target's partition on `disk`, with up to `buffers` buffers (1 to
// LB_DISK_MAX_DEPTH) from lb_heap_pages(); owned by the caller's heap for good.
int lb_sink_open(struct lb_disk *disk, const struct lb_target *target, uint32_t buffers,
		 struct lb_sink **ret_sink, struct lb_error *err);

uint64_t lb_sink_bytes(const struct lb_sink *sink); // the partition's size

// An empty buffer of LB_SINK_BUFFER bytes; waits until one is free. NULL after an error
// that could not be mended: then err says what, once and for every later call.
void *lb_sink_take(struct lb_sink *sink, struct lb_error *err);
// Starts writing a buffer that was taken: `bytes` of it, a multiple of 4 KiB, at `offset`
// bytes from the partition's beginning, a multiple of 4 KiB. The buffer is the sink's again.
// Fails where that is beyond the partition's end ("full").
int lb_sink_put(struct lb_sink *sink, void *buffer, uint64_t offset, uint32_t bytes, struct lb_error *err);
// Reads `bytes` (as above, at most LB_SINK_BUFFER) into `data`; waits.
int lb_sink_read(struct lb_sink *sink, uint64_t offset, void *data, uint32_t bytes, struct lb_error *err);
// Waits until all is written and the disk's cache is flushed.
int lb_sink_flush(struct lb_sink *sink, struct lb_error *err);

// Looks for completions without waiting; between other work.
void lb_sink_poll(struct lb_sink *sink);

#endif
