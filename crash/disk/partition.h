// SPDX-License-Identifier: BSD-2-Clause
// Writes to one partition of a disk, or to a file on one (lifeboat/dumpfile.h). Never writes outside of
// it. Has several requests in flight, and retries each once after a reset of the controller.
#ifndef LIFEBOAT_CRASH_DISK_PARTITION_H
#define LIFEBOAT_CRASH_DISK_PARTITION_H

#include "crash/disk/disk.h"
#include "crash/plan/capturesize.h"

#define LB_PARTITION_BUFFER LB_CAPTURE_BUFFER // a disk with a smaller max_bytes writes it in pieces

struct lb_partition;

// Opens the partition of `target` on `disk` for writing. Allocates up to `buffers` buffers (1 to
// LB_DISK_MAX_DEPTH) from lb_heap_pages() and never frees them. With a file, offsets count from the
// file's beginning. The caller keeps `target`, and reads and judges the file's headers; the other blocks
// are written only if they have the file's stamp.
int lb_partition_open(struct lb_disk *disk, const struct lb_target *target, uint32_t buffers,
		      struct lb_partition **ret_partition, struct lb_error *err);

uint64_t lb_partition_bytes(const struct lb_partition *partition); // size of the partition, or of the file

// Returns an empty buffer of LB_PARTITION_BUFFER bytes; waits until one is free. NULL after a final
// error: `err` says which, in this call and every later one.
void *lb_partition_take(struct lb_partition *partition, struct lb_error *err);
// Starts writing the first `bytes` bytes of a taken buffer at `offset`, in bytes from the partition's
// beginning. Both numbers are multiples of 4 KiB. The buffer is no longer the caller's. Fails if the
// place is beyond the partition's end ("full"), or if a block of a file has lost its stamp. Writes that
// began earlier still complete.
int lb_partition_put(struct lb_partition *partition, void *buffer, uint64_t offset, uint32_t bytes,
		     struct lb_error *err);
// Reads `bytes` from `offset` into `data`, both as in lb_partition_put(), and `bytes` at most
// LB_PARTITION_BUFFER. Page-aligned `data` goes to the disk as it is, and must be crash memory. Waits
// for the data, and for overlapping writes.
int lb_partition_read(struct lb_partition *partition, uint64_t offset, void *data, uint32_t bytes,
		      struct lb_error *err);
// Waits until everything is written and the disk's cache is flushed.
int lb_partition_flush(struct lb_partition *partition, struct lb_error *err);

// Looks for completions without waiting. For use between other work.
void lb_partition_poll(struct lb_partition *partition);

#endif
