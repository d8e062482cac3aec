// SPDX-License-Identifier: BSD-2-Clause
// The header of a dump on a partition (lifeboat/dumpdisk.h): its digest and its two slots. The loader,
// the capture kernel and the host's tools use these functions.
#ifndef LIFEBOAT_CRASH_DISK_DUMP_HEADER_H
#define LIFEBOAT_CRASH_DISK_DUMP_HEADER_H

#include <stdbool.h>

#include "lib/format.h"
#include "lifeboat/dumpdisk.h"

// Fills the magic, size and digest of an otherwise finished header. Fills the version too if it is 0: a
// header that was read keeps its version.
void lb_dump_header_seal(struct lb_dump_header *header);
// Fails, naming the wrong field, unless magic, version, size and digest are right. Version 1 is
// accepted, too.
int lb_dump_header_check(const struct lb_dump_header *header, struct lb_error *err);

// Chooses the valid header: the later one of those that are whole and in their own slot. 0: found. -1:
// neither slot has Lifeboat's magic. LB_DUMP_UNREADABLE: a slot has the magic, but no header is whole
// and of a known version; there may be a dump behind it. `err` says why.
int lb_dump_header_choose(const struct lb_dump_slots *slots, struct lb_dump_header *ret_header,
			  struct lb_error *err);
#define LB_DUMP_UNREADABLE 1

// True when every slot that the header's version has is whole and belongs to the partition `partuuid`.
// One whole slot does not prove that the partition is still Lifeboat's: mkswap overwrites only the first
// slot.
bool lb_dump_header_in_every_slot(const struct lb_dump_slots *slots, const uint8_t partuuid[16]);

// Makes `header` the next one to be written, and seals it. Returns its offset in the partition, in bytes.
uint32_t lb_dump_header_advance(struct lb_dump_header *header);

// Bytes at the partition's beginning that headers of this header's version take. Log and dump file
// follow them.
uint32_t lb_dump_header_room(const struct lb_dump_header *header);

// True when the header tells of a dump that was not saved yet, complete or interrupted.
bool lb_dump_header_unsaved(const struct lb_dump_header *header);

// Makes `release` and `message`, which come from a dead kernel and a disk, safe for a terminal: puts '?'
// for each character that is not printable ASCII, and a NUL at the end. The header's digest is wrong
// afterwards.
void lb_dump_header_printable(struct lb_dump_header *header);

#endif
