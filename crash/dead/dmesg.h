// SPDX-License-Identifier: BSD-2-Clause
// The dead kernel's log, out of printk's ring buffer (5.10 and later), as lines of text
// like dmesg's: "[    1.234567] [      T1] text\n". The caller, [T1], is there only where VMCOREINFO has its
// offset. Source: kernel/printk/printk_ringbuffer.c;
// Documentation/admin-guide/kdump/vmcoreinfo.rst lists what is exported.
#ifndef LIFEBOAT_CRASH_DEAD_DMESG_H
#define LIFEBOAT_CRASH_DEAD_DMESG_H

#include "crash/dead/deadmem.h"
#include "lib/format.h"

// Gives `put` the text piece by piece, oldest first. Fails, naming the key or the
// structure, when there is nothing that can be read; what was put before that stays.
// Stops, with 0, when `put` returns false. *ret_records: how many were read.
int lb_dmesg_read(const struct lb_deadspace *dead, bool (*put)(void *ctx, const char *text, size_t bytes),
		  void *ctx, uint64_t *ret_records, struct lb_error *err);

// Finds the end of a log whose text has no room in `bytes`: the number of last records that nearly fit, and
// the bytes of their text to skip. A log that has room is taken whole: UINT64_MAX, and 0 bytes to skip. Only
// large logs' text is read for this.
struct lb_dmesg_tail {
	uint64_t records; // ends.last for lb_dmesg_read_ends()
	uint64_t skip; // bytes of their text by which it is too long
};
int lb_dmesg_fit(const struct lb_deadspace *dead, uint64_t bytes, struct lb_dmesg_tail *ret_tail,
		 struct lb_error *err);

// The records that are wanted of a log's two ends, and the most bytes of text of each end; 0: all text.
struct lb_dmesg_ends {
	uint64_t first, last, bytes;
};
// Records that were not given whole.
struct lb_dmesg_gaps {
	uint64_t left_out; // between the two ends
	uint64_t
		lost; // whose text, or its rest, cannot be read or is all zeros: "(lost)" stands in its place
};
// The same for a log's two ends. The records between them are not looked at: a ring may hold millions.
int lb_dmesg_read_ends(const struct lb_deadspace *dead, struct lb_dmesg_ends ends,
		       bool (*put)(void *ctx, const char *text, size_t bytes), void *ctx,
		       struct lb_dmesg_gaps *ret_gaps, struct lb_error *err);

#endif
