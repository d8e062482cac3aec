// SPDX-License-Identifier: BSD-2-Clause
// Writes a dump's file as an ELF core of all RAM.
#ifndef LIFEBOAT_CRASH_DUMP_ELFDUMP_H
#define LIFEBOAT_CRASH_DUMP_ELFDUMP_H

#include "crash/dump/writer.h"

// Writes the file at writer->next.file_offset. Fills in the file_, data_ and pages fields and the digest of
// writer->next. The caller writes that header. Returns 0 when the file is complete. Returns -1 when the file
// ends early; the fields then say how far it goes.
int lb_elfdump_write(struct lb_writer *writer, struct lb_error *err);

#endif
