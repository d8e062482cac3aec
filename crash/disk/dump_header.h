// SPDX-License-Identifier: BSD-2-Clause
// The header of a dump on a partition (lifeboat/dumpdisk.h), its own digest and its two slots:
// what the loader, the capture kernel and scripts/lifeboat-save agree on.
#ifndef LIFEBOAT_CRASH_DISK_DUMP_HEADER_H
#define LIFEBOAT_CRASH_DISK_DUMP_HEADER_H

#include <stdbool.h>

#include "lib/format.h"
#include "lifeboat/dumpdisk.h"

// Fills magic, size and digest of an otherwise finished header, and the version where it is 0: a
// header that was read keeps its own.
void lb_dump_header_seal(struct lb_dump_header *header);
// Fails, saying which field is wrong, unless all four are right. Version 1 is, too.
int lb_dump_header_check(const struct lb_dump_header *header, struct lb_error *err);

// The header that counts: of those that are whole and in their own slot, the later one. 0; -1 where
// neither slot has Lifeboat's magic; LB_DUMP_UNREADABLE where one has, but no header is whole or of
// a version that is known: a dump may be behind it. `err` says why.
int lb_dump_header_choose(const struct lb_dump_slots *slots, struct lb_dump_header *ret_header,
			  struct lb_error *err);
#define LB_DUMP_UNREADABLE 1

// True when each slot that the header's version has is whole, and of the partition `partuuid`. A mkswap
// writes over the first slot only: one whole slot does not say that the partition is still ours.
bool lb_dump_header_in_every_slot(const struct lb_dump_slots *slots, const uint8_t partuuid[16]);

// Makes `header` the next one to be written, and seals it. Returns its offset in the partition, in bytes.
uint32_t lb_dump_header_advance(struct lb_dump_header *header);

// Bytes of the partition that are headers, by this one's version: log and file lie behind them.
uint32_t lb_dump_header_room(const struct lb_dump_header *header);

// True when it holds a dump that nobody has saved: interrupted ones, too.
bool lb_dump_header_unsaved(const struct lb_dump_header *header);

// Makes release and message, which are a dead kernel's and a disk's, fit for a terminal: '?' for whatever is
// no printable ASCII, and a NUL at the end. The header's digest does not fit it any more.
void lb_dump_header_printable(struct lb_dump_header *header);

#endif
