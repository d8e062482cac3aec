// SPDX-License-Identifier: BSD-2-Clause
// The notes area, as the purgatory filled it.
#ifndef LIFEBOAT_CRASH_DEAD_NOTES_H
#define LIFEBOAT_CRASH_DEAD_NOTES_H

#include <stdbool.h>
#include <stdint.h>

struct lb_notes {
	uint64_t bytes; // up to the end of the last note
	uint64_t vmcoreinfo; // offset of VMCOREINFO's text; 0: there is none
	uint32_t vmcoreinfo_bytes;
	uint32_t prstatus; // notes with a CPU's registers
};

// Reads `area`, at most `bytes`, up to the first header that is zeroes or makes no sense.
void lb_notes_read(const void *area, uint64_t bytes, struct lb_notes *ret_notes);

// Replaces VMCOREINFO's text in `area`, which has room for `bytes`, by `text_bytes` of `text`, and
// moves the notes behind it. `notes` is what was read of it, and is brought up to date. False, with
// nothing changed: there is no VMCOREINFO, or no room for that text and a header of zeroes behind
// the last note. `text` does not lie in `area`.
bool lb_notes_replace(void *area, uint64_t bytes, const char *text, uint32_t text_bytes,
		      struct lb_notes *notes);

#endif
