// SPDX-License-Identifier: BSD-2-Clause
// What a dump is made from, and the header on the partition, kept up to date while log and file
// grow. kdump.c and elfdump.c write the file through it.
#ifndef LIFEBOAT_CRASH_DUMP_WRITER_H
#define LIFEBOAT_CRASH_DUMP_WRITER_H

#include "crash/dead/deadmem.h"
#include "crash/dead/filter.h"
#include "crash/dead/kernel_pages.h"
#include "crash/dead/ram.h"
#include "crash/disk/partition.h"
#include "crash/dump/helpers.h"
#include "lifeboat/crypt.h"
#include "lifeboat/dumpdisk.h"

struct lb_dump_job {
	enum lb_dump_format format;
	uint32_t level; // -d bits that apply: the filter's, with LB_FILTER_ZERO
	const struct lb_ram *ram;
	struct lb_filter *filter;
	struct lb_kernel_pages *own; // which pages come first; NULL: none. Until log_written() has returned
	const struct lb_deadspace *dead; // with VMCOREINFO, for the log and the header
	const struct lb_deadspace
		*kdump; // the same of kdump's own kernel, which was to save `dead` and died; or NULL
	const void *elfcorehdr; // the finished ELF core header, for LB_DUMP_ELF
	uint64_t elfcorehdr_bytes;
	const void *notes; // the finished notes, as in the ELF core header
	uint64_t notes_bytes; // up to the end of the last note
	uint64_t vmcoreinfo_offset; // of its text (desc), in the notes
	uint32_t nr_cpus; // NT_PRSTATUS notes
	uint64_t now; // seconds since 1970, at the panic; 0: not known
	// The keys of this target's files, LB_CRYPT_PARTS of them; lb_dump_write() wipes them. NULL: nothing
	// is encrypted.
	struct lb_crypt_file *crypt;
	struct lb_chunk *sealing; // lb_chunk_new()'s, where something is
	uint32_t recipients; // the same: to how many
	const char *doubt; // why it may have been no panic, for the header's message; may be NULL
	// The report, a text that stays; called once the log is on the disk. NULL from it: there is none. May be
	// NULL.
	const char *(*report)(void *ctx, uint32_t *ret_bytes);
	// Called once log and report are on the disk, before the file is begun: what is slow and not needed
	// for them, such as starting CPUs. Fails like the dump. May be NULL.
	int (*log_written)(void *ctx, struct lb_error *err);
	void *ctx; // of these two
	// Called about once a second: what is done, of how many (0: not known yet). May be NULL.
	void (*progress)(void *ctx, uint64_t pages_done, uint64_t pages, uint64_t bytes_written);
	void *progress_ctx;
};

struct lb_writer {
	const struct lb_dump_job *job;
	struct lb_partition *partition;
	uint64_t limit; // of the partition, whole blocks
	struct lb_dump_header *header; // the caller's: as it was given to the disk last
	struct lb_dump_header next; // as it will be there next
	uint64_t lost_pages; // that could not be read
	uint64_t progress_ms; // when progress was told last
};

// Begins: `next` is `header` without what an older dump left in it, and says WRITING. Nothing is
// written yet.
void lb_writer_open(struct lb_writer *writer, const struct lb_dump_job *job, struct lb_partition *partition,
		    struct lb_dump_header *header);
// Seals `header` as the next one and puts it in its slot. All that was put before is on the disk by
// then, the header in the other slot included; the header itself is on its way.
int lb_writer_put_header(struct lb_partition *partition, struct lb_dump_header *header, struct lb_error *err);
// Flushes what was written, writes `next`, flushes that.
int lb_writer_header(struct lb_writer *writer, struct lb_error *err);
// The same for a file that is not finished: counts. The header itself is on its way when this
// returns: what it speaks of is on the disk before it, and work goes on meanwhile.
int lb_writer_checkpoint(struct lb_writer *writer, struct lb_error *err);

// Tells job->progress what is done, about once a second. Called as often as one likes.
void lb_writer_progress(struct lb_writer *writer, uint64_t pages_done, uint64_t bytes_written);

// Time and bytes between two checkpoints. Each stops the work until the disk has emptied its
// cache: of a fast one that is as long as it takes to write tens of MiB.
#define LB_CHECKPOINT_MS 2000
#define LB_CHECKPOINT_BYTES (256 * LB_MIB)

#endif
