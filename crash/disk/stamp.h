// SPDX-License-Identifier: BSD-2-Clause
// The stamps of a file for dumps (lifeboat/dumpfile.h): what says that a block is still the file's.
#ifndef LIFEBOAT_CRASH_DISK_STAMP_H
#define LIFEBOAT_CRASH_DISK_STAMP_H

#include <stdint.h>

#include "lifeboat/dumpfile.h"

// Stamps `bytes` of `data` as what the file has from its byte `offset` on; both multiples of LB_DUMP_BLOCK, `data`
// aligned to 8 bytes.
void lb_stamp_fill(const uint8_t file_id[16], uint64_t offset, void *data, uint64_t bytes);
// Counts the bytes of `data`, from its beginning, that are the file's stamps of that place: whole blocks,
// each of them looked at to its last byte.
uint64_t lb_stamp_check(const uint8_t file_id[16], uint64_t offset, const void *data, uint64_t bytes);

#endif
