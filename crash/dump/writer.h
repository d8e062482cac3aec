// SPDX-License-Identifier: BSD-2-Clause
// What dump.c and the two file formats share: the header on the partition, kept up to
// date while the file grows.
#ifndef LIFEBOAT_CRASH_DUMP_WRITER_H
#define LIFEBOAT_CRASH_DUMP_WRITER_H

#include "crash/dump/dump.h"

struct lb_writer {
	const struct lb_dump_job *job;
	struct lb_partition *partition;
	uint64_t limit; // of the partition, whole blocks
	struct lb_dump_header *header; // the caller's: as it was given to the disk last
	struct lb_dump_header next; // as it will be there next
	uint64_t progress_ms; // when progress was told last
};

// Flushes what was written, writes `next`, flushes that.
int lb_writer_header(struct lb_writer *writer, struct lb_error *err);
// The same for a file that is not finished: counts. The header itself is on its way when this
// returns: what it speaks of is on the disk before it, and work goes on meanwhile.
int lb_writer_checkpoint(struct lb_writer *writer, struct lb_error *err);

// Tells job->progress what is done, about once a second. Called as often as one likes.
void lb_writer_progress(struct lb_writer *writer, uint64_t pages_done, uint64_t bytes_written);

// Which page frames are to be dumped: as lb_filter_next(), from frame 0 on, once.
struct lb_page_choice {
	void (*next)(void *ctx, uint64_t pages, uint8_t *bits);
	void *ctx;
};

// kdump.c, elf.c: the file at next.file_offset. Fill in next's file_, desc_, data_ and pages
// fields and digests, to be written: 0 when the file is complete; else -1, and they say how
// far it goes.
int lb_kdump_write(struct lb_writer *writer, const struct lb_page_choice *choice, struct lb_error *err);
int lb_elf_write(struct lb_writer *writer, struct lb_error *err);

// Time and bytes between two checkpoints. Each stops the work until the disk has emptied its
// cache: of a fast one that is as long as it takes to write tens of MiB.
#define LB_CHECKPOINT_MS 2000
#define LB_CHECKPOINT_BYTES (256 * LB_MIB)

#endif
