// SPDX-License-Identifier: BSD-2-Clause
// Writes to one partition of a disk, or to a file on one (lifeboat/dumpfile.h): never outside it, several at a time,
// each retried once after a reset of the controller.
#ifndef LIFEBOAT_CRASH_DISK_PARTITION_H
#define LIFEBOAT_CRASH_DISK_PARTITION_H

#include "crash/disk/disk.h"
#include "crash/plan/capturesize.h"

#define LB_PARTITION_BUFFER LB_CAPTURE_BUFFER // a disk with a smaller max_bytes gets it in pieces

struct lb_partition;

// Opens target's partition on `disk` for writing, with up to `buffers` buffers (1 to
// LB_DISK_MAX_DEPTH) from lb_heap_pages(); owned by the caller's heap for good. Of a file, offsets count from the
// file's beginning, `target` stays where it is, and whoever opens it reads its headers and judges them: all else is
// written to only where it has the file's stamp.
int lb_partition_open(struct lb_disk *disk, const struct lb_target *target, uint32_t buffers,
		      struct lb_partition **ret_partition, struct lb_error *err);

uint64_t lb_partition_bytes(const struct lb_partition *partition); // the partition's size, or the file's

// An empty buffer of LB_PARTITION_BUFFER bytes; waits until one is free. NULL after an error
// that could not be mended: then err says what, once and for every later call.
void *lb_partition_take(struct lb_partition *partition, struct lb_error *err);
// Starts writing a buffer that was taken: `bytes` of it, a multiple of 4 KiB, at `offset`
// bytes from the partition's beginning, a multiple of 4 KiB. The buffer is the partition's again.
// Fails where that is beyond the partition's end ("full"), and where a block of a file has lost its stamp: what
// was put before is written all the same.
int lb_partition_put(struct lb_partition *partition, void *buffer, uint64_t offset, uint32_t bytes,
		     struct lb_error *err);
// Reads `bytes` (as above, at most LB_PARTITION_BUFFER) into `data`, which the disk gets as it is where it
// is page-aligned: then it is crash memory. Waits, for overlapping writes as well.
int lb_partition_read(struct lb_partition *partition, uint64_t offset, void *data, uint32_t bytes,
		      struct lb_error *err);
// Waits until all is written and the disk's cache is flushed.
int lb_partition_flush(struct lb_partition *partition, struct lb_error *err);

// Looks for completions without waiting; between other work.
void lb_partition_poll(struct lb_partition *partition);

#endif
