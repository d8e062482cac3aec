// SPDX-License-Identifier: BSD-2-Clause
// The job: what a dump is made from. The writer: the header on the partition, kept up to date while log and
// file grow. kdump.c and elfdump.c write the file, and the header through the writer.
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
	uint32_t level; // makedumpfile's -d bits that apply: the filter's, and LB_FILTER_ZERO
	const struct lb_ram *ram;
	struct lb_filter *filter;
	struct lb_kernel_pages *own; // the pages that are written first; NULL: none. log_written() may set it
	const struct lb_deadspace *dead; // with VMCOREINFO, for the log and the header
	const struct lb_deadspace
		*kdump; // kdump's own kernel, which was to save `dead` and died, too; NULL: none
	const void *elfcorehdr; // the finished ELF core header, for LB_DUMP_ELF
	uint64_t elfcorehdr_bytes;
	const void *notes; // the finished notes, as in the ELF core header
	uint64_t notes_bytes; // up to the end of the last note
	uint64_t vmcoreinfo_offset; // of VMCOREINFO's text (desc) in `notes`
	uint32_t nr_cpus; // the number of NT_PRSTATUS notes
	uint64_t now; // seconds since 1970, at the panic; 0: not known
	// The keys of this target's files, LB_CRYPT_PARTS of them; lb_dump_write() wipes them. NULL: nothing
	// is encrypted.
	struct lb_crypt_file *crypt;
	struct lb_chunk *sealing; // from lb_chunk_new(); with `crypt` only
	uint32_t recipients; // the number of recipients; with `crypt` only
	const char *doubt; // why this may be no panic, for the header's message; may be NULL
	// Makes the report, a text that stays valid. Called once the log is on the disk. Returns NULL when
	// there is no report. May be NULL.
	const char *(*report)(void *ctx, uint32_t *ret_bytes);
	// Does what is slow and not needed for log and report, such as starting CPUs. Called once both are on
	// the disk, before the file is begun. The dump fails when this fails. May be NULL.
	int (*log_written)(void *ctx, struct lb_error *err);
	void *ctx; // of report() and log_written()
	// Called about once a second with what is done. `pages`: the pages in all; 0: not known yet. May be
	// NULL.
	void (*progress)(void *ctx, uint64_t pages_done, uint64_t pages, uint64_t bytes_written);
	void *progress_ctx;
};

struct lb_writer {
	const struct lb_dump_job *job;
	struct lb_partition *partition;
	uint64_t limit; // bytes of the partition, whole blocks
	struct lb_dump_header *header; // the caller's; as it was given to the disk last
	struct lb_dump_header next; // as it will be given to the disk next
	uint64_t lost_pages; // that could not be read
	uint64_t progress_ms; // when progress was told last
};

// Opens the writer: makes `next` out of `header`, without what an older dump left there, with the state
// WRITING. Writes nothing to the disk.
void lb_writer_open(struct lb_writer *writer, const struct lb_dump_job *job, struct lb_partition *partition,
		    struct lb_dump_header *header);
// Seals `header` with the next sequence number, and puts it into that number's slot. Everything put before,
// the other slot's header included, is on the disk first. The new header is on its way when this returns.
int lb_writer_put_header(struct lb_partition *partition, struct lb_dump_header *header, struct lb_error *err);
// Flushes what was written, then writes `next` and flushes it.
int lb_writer_header(struct lb_writer *writer, struct lb_error *err);
// Flushes what was written, counts a checkpoint in `next`, and writes `next`. That header is on its way when
// this returns, so work goes on meanwhile.
int lb_writer_checkpoint(struct lb_writer *writer, struct lb_error *err);

// Calls job->progress about once a second, however often this is called.
void lb_writer_progress(struct lb_writer *writer, uint64_t pages_done, uint64_t bytes_written);

// Time and bytes between two checkpoints. A checkpoint stops the work until the disk has emptied its cache.
// On a fast disk that takes as long as writing tens of MiB.
#define LB_CHECKPOINT_MS 2000
#define LB_CHECKPOINT_BYTES (256 * LB_MIB)

#endif
