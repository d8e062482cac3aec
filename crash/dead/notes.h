// SPDX-License-Identifier: BSD-2-Clause
// The notes area, as the purgatory filled it.
#ifndef LIFEBOAT_CRASH_DEAD_NOTES_H
#define LIFEBOAT_CRASH_DEAD_NOTES_H

#include <stdint.h>

struct lb_notes {
	uint64_t bytes; // up to the end of the last note
	uint64_t vmcoreinfo; // offset of VMCOREINFO's text; 0: there is none
	uint32_t vmcoreinfo_bytes;
	uint32_t prstatus; // notes with a CPU's registers
};

// Reads up to `bytes` of `area`: to the first header of zeroes, or one that makes no sense.
void lb_notes_read(const void *area, uint64_t bytes, struct lb_notes *ret_notes);

#endif
