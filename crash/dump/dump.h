// SPDX-License-Identifier: BSD-2-Clause
// Writes the dump to the partition, in this order: header, log, report, file. The memory it takes is
// constant.
#ifndef LIFEBOAT_CRASH_DUMP_DUMP_H
#define LIFEBOAT_CRASH_DUMP_DUMP_H

#include "crash/dump/writer.h"

// Writes header (WRITING), log, report, file, header (COMPLETE, into both slots).
// The caller has read `header` from the partition, checked it, and filled in tsc_hook, tsc_begun and tsc_khz.
// `header` is left as it was written last.
// Returns 0, or -1 with err when the dump had to end early. The header was then written as PARTIAL if that
// was possible: header->state tells. The partition has at least four buffers. The helpers are open, with the
// job's format, once job->log_written() has returned. LB_DUMP_ELF needs no helpers.
int lb_dump_write(const struct lb_dump_job *job, struct lb_partition *partition,
		  struct lb_dump_header *header, struct lb_error *err);

#endif
