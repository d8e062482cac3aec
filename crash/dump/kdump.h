// SPDX-License-Identifier: BSD-2-Clause
// A dump's file as kdump-compressed. The helpers are open (helpers.h).
#ifndef LIFEBOAT_CRASH_DUMP_KDUMP_H
#define LIFEBOAT_CRASH_DUMP_KDUMP_H

#include "crash/dump/kdump_head.h"

// The file at next.file_offset. `own`: which of the chosen pages are written first; NULL: none. Fills in
// next's file_, desc_, data_ and pages fields, digests, flags and kernel_bytes, to be written: 0 when the file
// is complete; else -1, and they say how far it goes.
int lb_kdump_write(struct lb_writer *writer, const struct lb_page_choice *choice,
		   const struct lb_page_choice *own, struct lb_error *err);

#endif
