// SPDX-License-Identifier: BSD-2-Clause
// A dump's file as an ELF core of all RAM.
#ifndef LIFEBOAT_CRASH_DUMP_ELFDUMP_H
#define LIFEBOAT_CRASH_DUMP_ELFDUMP_H

#include "crash/dump/writer.h"

// The file at next.file_offset. Fills in next's file_, desc_, data_ and pages fields and digests, to
// be written: 0 when the file is complete; else -1, and they say how far it goes.
int lb_elfdump_write(struct lb_writer *writer, struct lb_error *err);

#endif
