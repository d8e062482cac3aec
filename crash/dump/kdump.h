// SPDX-License-Identifier: BSD-2-Clause
// Writes a dump's file as kdump-compressed. The caller has opened the helpers (helpers.h).
#ifndef LIFEBOAT_CRASH_DUMP_KDUMP_H
#define LIFEBOAT_CRASH_DUMP_KDUMP_H

#include "crash/dump/kdump_head.h"

// Writes the file at writer->next.file_offset. `own` chooses the pages that are written first; NULL: none.
// Fills in the file_, desc_, data_ and pages fields, digests, flags and kernel_bytes of writer->next. The
// caller writes that header. Returns 0 when the file is complete. Returns -1 when the file ends early; the
// fields then say how far it goes.
int lb_kdump_write(struct lb_writer *writer, const struct lb_page_choice *choice,
		   const struct lb_page_choice *own, struct lb_error *err);

#endif
