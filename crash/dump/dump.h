// SPDX-License-Identifier: BSD-2-Clause
// The dump itself: what goes to the partition, and in which order. dump.c keeps the
// header and the log, kdump.c and elf.c write the file; all of it in constant memory.
#ifndef LIFEBOAT_CRASH_DUMP_DUMP_H
#define LIFEBOAT_CRASH_DUMP_DUMP_H

#include "crash/dead/deadmem.h"
#include "crash/dead/filter.h"
#include "crash/dead/ram.h"
#include "crash/disk/partition.h"
#include "crash/dump/helpers.h"
#include "lifeboat/dumpdisk.h"

struct lb_dump_job {
	enum lb_dump_format format;
	uint32_t level; // -d bits that apply: the filter's, with LB_FILTER_ZERO
	const struct lb_ram *ram;
	struct lb_filter *filter;
	const struct lb_deadspace *dead; // with VMCOREINFO, for the log and the header
	const void *elfcorehdr; // the finished ELF core header, for LB_DUMP_ELF
	uint64_t elfcorehdr_bytes;
	const void *notes; // the finished notes, as in the ELF core header
	uint64_t notes_bytes; // up to the end of the last note
	uint64_t vmcoreinfo_offset; // of its text (desc), in the notes
	uint32_t nr_cpus; // NT_PRSTATUS notes
	uint64_t now; // seconds since 1970, at the panic; 0: not known
	// Called once the log is on the disk, before the file is begun: what is slow and not needed
	// for the log, such as starting CPUs. Fails like the dump. May be NULL.
	int (*log_written)(void *ctx, struct lb_error *err);
	void *log_written_ctx;
	// Called about once a second: what is done, of how many (0: not known yet). May be NULL.
	void (*progress)(void *ctx, uint64_t pages_done, uint64_t pages, uint64_t bytes_written);
	void *progress_ctx;
};

// Bytes in the partition that the worst case takes (header, log, every page raw): for
// the warning at arm time. `pages`: RAM in pages, `max_pfn`: its end in pages.
uint64_t lb_dump_worst_case(uint64_t pages, uint64_t max_pfn);

// Writes header (WRITING), log, file, header (COMPLETE). `header` is what was read from the
// partition, checked by the caller, who has filled tsc_hook, tsc_begun and tsc_khz; it is
// filled and left as written last. 0; or -1 with err when it had to end early: then the header
// was written as PARTIAL if that was possible, and header->state says. The partition has at least
// four buffers. The helpers are open, with the job's format, when job->log_written() has returned;
// not for LB_DUMP_ELF, which needs no helpers.
int lb_dump_write(const struct lb_dump_job *job, struct lb_partition *partition,
		  struct lb_dump_header *header, struct lb_error *err);

#endif
