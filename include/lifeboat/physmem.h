// SPDX-License-Identifier: BSD-2-Clause
// Lets pure code read physical memory that it does not own, a page at a time: through a movable window in
// the purgatory, from an image file on the host.
#ifndef LIFEBOAT_PHYSMEM_H
#define LIFEBOAT_PHYSMEM_H

#include <stdint.h>

struct lb_physmem {
	// The 4 KiB page at `phys` (4 KiB aligned), or NULL where that is not RAM.
	// The pointer is valid until the next call: there may be only one window.
	const void *(*page)(void *ctx, uint64_t phys);
	void *ctx;
};

static inline const void *lb_physmem_page(const struct lb_physmem *mem, uint64_t phys)
{
	return mem->page(mem->ctx, phys);
}

#endif
