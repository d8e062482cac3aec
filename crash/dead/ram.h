// SPDX-License-Identifier: BSD-2-Clause
// The dead kernel's RAM, as the finished ELF core header lists it: where each page was, and where the page's
// content is now (the low 1 MiB's content is in the backup). Ranges are sorted, disjoint and whole pages.
// Parts of pages at either end of RAM are left out, as in all readers that count in pages.
#ifndef LIFEBOAT_CRASH_DEAD_RAM_H
#define LIFEBOAT_CRASH_DEAD_RAM_H

#include "lib/format.h"
#include "lifeboat/physmem.h"
#include "lifeboat/range.h"

struct lb_ram_piece {
	struct lb_range phys; // whole pages, as the dead kernel knew it
	uint64_t now; // the physical address of what was at phys.start
};

struct lb_ram {
	struct lb_ram_piece *pieces; // from the caller
	uint32_t count;
	uint64_t pages; // of all pieces
	uint64_t max_pfn; // end of the last piece, in pages
};

// Returns the most pieces that `header` gives: Lifeboat's ELF core header, of `bytes`. 0: it is no such
// header.
uint32_t lb_ram_capacity(const void *header, uint64_t bytes);
// Fills `ret_ram` (pieces: room for lb_ram_capacity()). Fails, naming the segment, when
// the header makes no sense.
int lb_ram_read(const void *header, uint64_t bytes, struct lb_ram_piece *pieces, struct lb_ram *ret_ram,
		struct lb_error *err);

// Finds the present place of the content of the page at `phys`. False: not RAM.
bool lb_ram_find(const struct lb_ram *ram, uint64_t phys, uint64_t *ret_now);

#endif
