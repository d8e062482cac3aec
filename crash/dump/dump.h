// SPDX-License-Identifier: BSD-2-Clause
// The dump itself: what goes to the partition, and in which order: header, log, file. All of it in
// constant memory.
#ifndef LIFEBOAT_CRASH_DUMP_DUMP_H
#define LIFEBOAT_CRASH_DUMP_DUMP_H

#include "crash/dump/writer.h"

// Writes header (WRITING), log, file, header (COMPLETE, into both slots). `header` is what was read
// from the partition, checked by the caller, who has filled tsc_hook, tsc_begun and tsc_khz; it is
// filled and left as written last. 0; or -1 with err when it had to end early: then the header
// was written as PARTIAL if that was possible, and header->state says. The partition has at least
// four buffers. The helpers are open, with the job's format, when job->log_written() has returned;
// not for LB_DUMP_ELF, which needs no helpers.
int lb_dump_write(const struct lb_dump_job *job, struct lb_partition *partition,
		  struct lb_dump_header *header, struct lb_error *err);

#endif
