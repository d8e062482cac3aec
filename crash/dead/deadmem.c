// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/deadmem.h"

#include "lib/mem.h"
#include "lifeboat/x86.h"

static const void *budgeted_page(void *ctx, uint64_t phys)
{
	struct lb_deadmem *dead = ctx;

	if (dead->pages_left == 0)
		return NULL;
	dead->pages_left--;
	dead->reads++;
	return lb_physmem_page(dead->source, phys);
}

void lb_deadmem_open(struct lb_deadmem *dead, const struct lb_deadspace *space)
{
	*dead = (struct lb_deadmem){
		.source = space->mem,
		.mem = {.page = budgeted_page, .ctx = dead},
		.pages_left = LB_DEADMEM_PAGES,
		.walk = {.mem = &dead->mem,
			 .cr3 = space->cr3,
			 .la57 = space->la57,
			 .phys_bits = space->phys_bits},
	};
}

void lb_deadmem_refill(struct lb_deadmem *dead)
{
	dead->pages_left = LB_DEADMEM_PAGES;
}

// Translates `virt` into dead->leaf, unless `virt` lies there already. Kernels map their image with 2 MiB
// pages where they can, so one walk serves 512 pages.
static bool translate(struct lb_deadmem *dead, uint64_t virt)
{
	struct lb_walk_leaf leaf;
	enum lb_walk_status status;
	uint64_t start;

	if (dead->leaf.start <= virt && virt < dead->leaf.end)
		return dead->leaf_flags != 0;
	status = lb_walk(&dead->walk, virt, &leaf);
	if (status != LB_WALK_MAPPED && status != LB_WALK_NOT_PRESENT)
		return false;
	start = lb_align_down(virt, leaf.page_size);
	dead->leaf = (struct lb_range){start, start + leaf.page_size};
	dead->leaf_flags = status == LB_WALK_MAPPED ? leaf.flags : 0;
	dead->leaf_phys = status == LB_WALK_MAPPED ? leaf.phys - (virt - start) : 0;
	return status == LB_WALK_MAPPED;
}

const void *lb_deadmem_at(struct lb_deadmem *dead, uint64_t virt, uint64_t *ret_room)
{
	uint64_t offset = virt & (LB_PAGE - 1);
	uint64_t page_virt = virt - offset;
	const uint8_t *page;

	if (!translate(dead, page_virt))
		return NULL;
	page = lb_physmem_page(&dead->mem, dead->leaf_phys + (page_virt - dead->leaf.start));
	if (!page)
		return NULL;
	*ret_room = LB_PAGE - offset;
	return page + offset;
}

const uint64_t *lb_deadmem_data_page(struct lb_deadmem *dead, uint64_t virt)
{
	uint64_t room;

	if (!translate(dead, virt) || !(dead->leaf_flags & (X86_PTE_W | X86_PTE_NX)))
		return NULL;
	return lb_deadmem_at(dead, virt, &room);
}

bool lb_deadmem_copy(struct lb_deadmem *dead, uint64_t virt, void *to, size_t bytes)
{
	uint8_t *next = to;

	while (bytes) {
		uint64_t room;
		const void *from = lb_deadmem_at(dead, virt, &room);

		if (!from)
			return false;
		if (room > bytes)
			room = bytes;
		memcpy(next, from, room);
		next += room;
		virt += room;
		bytes -= room;
	}
	return true;
}

bool lb_deadmem_u64(struct lb_deadmem *dead, uint64_t virt, uint64_t *ret_value)
{
	uint64_t value;

	if (!lb_deadmem_copy(dead, virt, &value, sizeof(value)))
		return false;
	*ret_value = value;
	return true;
}

bool lb_deadcursor_fetch(struct lb_deadcursor *cursor)
{
	cursor->next = lb_deadmem_at(cursor->mem, cursor->virt, &cursor->room);
	cursor->read = cursor->mem->reads;
	if (!cursor->next)
		cursor->room = 0;
	return cursor->next;
}

void lb_deadcursor_skip(struct lb_deadcursor *cursor, uint64_t bytes)
{
	cursor->virt += bytes;
	if (bytes > cursor->room)
		bytes = cursor->room; // nothing is left at `next` then
	cursor->room -= bytes;
	if (cursor->room)
		cursor->next += bytes;
}

bool lb_deadcursor_copy(struct lb_deadcursor *cursor, void *to, size_t bytes)
{
	uint8_t *next = to;

	while (bytes) {
		uint64_t part;

		if ((!cursor->room || cursor->read != cursor->mem->reads) && !lb_deadcursor_fetch(cursor))
			return false;
		part = cursor->room < bytes ? cursor->room : bytes;
		memcpy(next, cursor->next, part);
		lb_deadcursor_skip(cursor, part);
		next += part;
		bytes -= part;
	}
	return true;
}
