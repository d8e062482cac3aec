// SPDX-License-Identifier: BSD-2-Clause
// The stamps of a file for dumps (lifeboat/dumpfile.h). A block that has its stamp still belongs to the
// file.
#ifndef LIFEBOAT_CRASH_DISK_STAMP_H
#define LIFEBOAT_CRASH_DISK_STAMP_H

#include <stdint.h>

#include "lifeboat/dumpfile.h"

// Fills `data` with stamps for the `bytes` from the file's byte `offset` on. Both numbers are multiples
// of LB_DUMP_BLOCK; `data` is aligned to 8 bytes.
void lb_stamp_fill(const uint8_t file_id[16], uint64_t offset, void *data, uint64_t bytes);
// Counts how many bytes at the beginning of `data` are the file's stamps for `offset`. Counts whole
// blocks only, and checks every byte of them.
uint64_t lb_stamp_check(const uint8_t file_id[16], uint64_t offset, const void *data, uint64_t bytes);

#endif
