// SPDX-License-Identifier: BSD-2-Clause
// A dead kernel's memory by virtual address, read page by page under a budget.
//
// One struct lb_deadmem lives on its user's stack for one job. It must not be copied or moved after
// lb_deadmem_open(), because its member `walk` points into it.
#ifndef LIFEBOAT_CRASH_DEAD_DEADMEM_H
#define LIFEBOAT_CRASH_DEAD_DEADMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crash/dead/vmcoreinfo.h"
#include "lifeboat/range.h"
#include "pgtable/walk.h"

// The most pages read in one job; every further one is refused. Debian's 5.10 to 7.2 take 20 000 to 110 000.
// Tables and pointers made to keep the reader busy end here, after a few seconds at most.
#define LB_DEADMEM_PAGES (2U << 20)

// __START_KERNEL_map of Linux. The image lies above, the direct map of all RAM below.
#define LB_KERNEL_MAP 0xffffffff80000000ULL
// MODULES_VADDR with KASLR: the image ends below it.
#define LB_KERNEL_MODULES 0xffffffffc0000000ULL

// A dead kernel's address space, and what its VMCOREINFO says of it.
struct lb_deadspace {
	const struct lb_physmem *mem; // by physical address: RAM, or NULL
	uint64_t cr3; // of the panicking CPU, at the panic
	bool la57;
	unsigned int phys_bits; // of an address; a C-bit lies at or above them: lb_encryption_address_bits()
	struct lb_vmcoreinfo vmcoreinfo; // whose addresses are of this space
};

struct lb_deadmem {
	const struct lb_physmem *source; // the caller's
	struct lb_physmem mem; // the same under the budget; what `walk` reads through
	uint32_t pages_left;
	uint64_t reads; // pages read so far: the window of one is good until the next
	struct lb_walk walk;
	// The last leaf or hole translated; empty before the first.
	struct lb_range leaf; // virtual; the very last page of the address space is never cached
	uint64_t leaf_phys; // of leaf.start
	uint64_t leaf_flags; // 0: a hole
};

// `space`->mem must outlive `dead`; the rest of `space` is copied.
void lb_deadmem_open(struct lb_deadmem *dead, const struct lb_deadspace *space);

// Refills the budget, for the next of many jobs whose number is bounded otherwise. The last translation stays
// known.
void lb_deadmem_refill(struct lb_deadmem *dead);

// Finds the byte at `virt`, and the number of bytes from there to the end of the 4 KiB page. NULL when the
// page is not mapped or not RAM. The pointer is good until the next call that reads anything.
const void *lb_deadmem_at(struct lb_deadmem *dead, uint64_t virt, uint64_t *ret_room);

// The same for a whole page that may hold data. NULL also for pure code (read-only and executable). `virt` is
// 4 KiB aligned.
const uint64_t *lb_deadmem_data_page(struct lb_deadmem *dead, uint64_t virt);

// False, with `to` undefined, unless every byte could be read.
bool lb_deadmem_copy(struct lb_deadmem *dead, uint64_t virt, void *to, size_t bytes);
bool lb_deadmem_u64(struct lb_deadmem *dead, uint64_t virt, uint64_t *ret_value);

// Reads bytes in a row, and fetches each page once. Opened with {.mem, .virt}. Another read through `mem` in
// between costs one more fetch.
struct lb_deadcursor {
	struct lb_deadmem *mem;
	uint64_t virt; // of the next byte
	const uint8_t *next;
	uint64_t room; // bytes at `next`, as long as mem->reads is `read`
	uint64_t read;
};

// Makes `next` good for at least one byte. False when it cannot be read.
bool lb_deadcursor_fetch(struct lb_deadcursor *cursor);
// False, with `to` undefined, unless every byte could be read.
bool lb_deadcursor_copy(struct lb_deadcursor *cursor, void *to, size_t bytes);
void lb_deadcursor_skip(struct lb_deadcursor *cursor, uint64_t bytes);

// Does as lb_deadcursor_copy(); quick where `bytes` is a constant.
static inline __attribute__((always_inline)) bool lb_deadcursor_take(struct lb_deadcursor *cursor, void *to,
								     size_t bytes)
{
	if (cursor->room < bytes || cursor->read != cursor->mem->reads)
		return lb_deadcursor_copy(cursor, to, bytes);
	__builtin_memcpy(to, cursor->next, bytes);
	cursor->next += bytes;
	cursor->virt += bytes;
	cursor->room -= bytes;
	return true;
}

static inline bool lb_deadcursor_byte(struct lb_deadcursor *cursor, uint8_t *ret_byte)
{
	if ((!cursor->room || cursor->read != cursor->mem->reads) && !lb_deadcursor_fetch(cursor))
		return false;
	*ret_byte = *cursor->next++;
	cursor->virt++;
	cursor->room--;
	return true;
}

#endif
