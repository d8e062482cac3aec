// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/ram.h"

#include <elf.h>

#include "crash/dead/deadmem.h"
#include "lib/mem.h"

static const Elf64_Phdr *segments(const void *header, uint64_t bytes, uint32_t *ret_count)
{
	const Elf64_Ehdr *ehdr = header;

	if (bytes < sizeof(*ehdr) || memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0 ||
	    ehdr->e_ident[EI_CLASS] != ELFCLASS64 || ehdr->e_type != ET_CORE ||
	    ehdr->e_phoff != sizeof(*ehdr) || ehdr->e_phentsize != sizeof(Elf64_Phdr) ||
	    ehdr->e_phnum == PN_XNUM || ehdr->e_phnum > (bytes - sizeof(*ehdr)) / sizeof(Elf64_Phdr))
		return NULL;
	*ret_count = ehdr->e_phnum;
	return (const Elf64_Phdr *)(ehdr + 1);
}

// Is the segment a piece of RAM? The kernel text's segment is not: the text lies in a piece of RAM.
static bool is_ram(const Elf64_Phdr *segment)
{
	return segment->p_type == PT_LOAD && segment->p_filesz && segment->p_vaddr < LB_KERNEL_MAP;
}

uint32_t lb_ram_capacity(const void *header, uint64_t bytes)
{
	uint32_t count, capacity = 0;
	const Elf64_Phdr *segment = segments(header, bytes, &count);

	for (uint32_t i = 0; segment && i < count; i++)
		capacity += is_ram(&segment[i]);
	return capacity;
}

// Sorts by Shell's method. Only hot-added pieces are out of order. There are tens of thousands at worst.
static void sort(struct lb_ram_piece *pieces, uint32_t count)
{
	for (uint32_t gap = count / 2; gap; gap /= 2) {
		for (uint32_t i = gap; i < count; i++) {
			struct lb_ram_piece piece = pieces[i];
			uint32_t at = i;

			for (; at >= gap && pieces[at - gap].phys.start > piece.phys.start; at -= gap)
				pieces[at] = pieces[at - gap];
			pieces[at] = piece;
		}
	}
}

// Joins pieces that are adjacent, and whose contents are. This goes by bytes: two neighbours may share a
// page.
static uint32_t merge(struct lb_ram_piece *pieces, uint32_t count)
{
	uint32_t kept = count ? 1 : 0;

	for (uint32_t i = 1; i < count; i++) {
		struct lb_ram_piece *last = &pieces[kept - 1];

		if (last->phys.end == pieces[i].phys.start &&
		    last->now + lb_range_size(last->phys) == pieces[i].now)
			last->phys.end = pieces[i].phys.end;
		else
			pieces[kept++] = pieces[i];
	}
	return kept;
}

// Cuts a piece down to its whole pages. False when there is none.
static bool trim(struct lb_ram_piece *piece)
{
	uint64_t start = lb_align_up(piece->phys.start, LB_PAGE);

	piece->now += start - piece->phys.start;
	piece->phys.start = start;
	piece->phys.end = lb_align_down(piece->phys.end, LB_PAGE);
	return !lb_range_empty(piece->phys);
}

static int collect(const Elf64_Phdr *segment, uint32_t count, struct lb_ram_piece *pieces,
		   uint32_t *ret_count, struct lb_error *err)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t end, now_end;

		if (!is_ram(&segment[i]))
			continue;
		if (__builtin_add_overflow(segment[i].p_paddr, segment[i].p_filesz, &end) ||
		    __builtin_add_overflow(segment[i].p_offset, segment[i].p_filesz, &now_end) ||
		    end > 1ULL << 52 || now_end > 1ULL << 52)
			return lb_fail(err,
				       "ELF core header: segment %u, 0x%lx bytes of RAM at 0x%lx, now at "
				       "0x%lx, ends beyond 52 bits",
				       i, segment[i].p_filesz, segment[i].p_paddr, segment[i].p_offset);
		pieces[found++] = (struct lb_ram_piece){{segment[i].p_paddr, end}, segment[i].p_offset};
	}
	*ret_count = found;
	return 0;
}

int lb_ram_read(const void *header, uint64_t bytes, struct lb_ram_piece *pieces, struct lb_ram *ret_ram,
		struct lb_error *err)
{
	struct lb_ram ram = {.pieces = pieces};
	uint32_t count;
	const Elf64_Phdr *segment = segments(header, bytes, &count);

	if (!segment)
		return lb_fail(
			err, "ELF core header: not an x86-64 core of at most %lu bytes, as Lifeboat makes it",
			bytes);
	if (collect(segment, count, pieces, &count, err) != 0)
		return -1;
	sort(pieces, count);
	for (uint32_t i = 1; i < count; i++) {
		if (pieces[i].phys.start < pieces[i - 1].phys.end)
			return lb_fail(err, "ELF core header: RAM 0x%lx-0x%lx and 0x%lx-0x%lx overlap",
				       pieces[i - 1].phys.start, pieces[i - 1].phys.end, pieces[i].phys.start,
				       pieces[i].phys.end);
	}
	count = merge(pieces, count);
	for (uint32_t i = 0; i < count; i++) {
		if (!trim(&pieces[i]))
			continue;
		if (!lb_aligned(pieces[i].now, LB_PAGE))
			return lb_fail(err,
				       "ELF core header: RAM 0x%lx-0x%lx is now at 0x%lx, wanted a page's "
				       "beginning",
				       pieces[i].phys.start, pieces[i].phys.end, pieces[i].now);
		pieces[ram.count++] = pieces[i];
		ram.pages += lb_range_size(pieces[i].phys) / LB_PAGE;
		ram.max_pfn = pieces[i].phys.end / LB_PAGE;
	}
	if (!ram.count)
		return lb_fail(err, "ELF core header: its %u segments hold no page of RAM", count);
	*ret_ram = ram;
	return 0;
}

bool lb_ram_find(const struct lb_ram *ram, uint64_t phys, uint64_t *ret_now)
{
	uint32_t low = 0, high = ram->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct lb_ram_piece *piece = &ram->pieces[middle];

		if (phys >= piece->phys.end) {
			low = middle + 1;
		} else if (phys < piece->phys.start) {
			high = middle;
		} else {
			*ret_now = piece->now + (phys - piece->phys.start);
			return true;
		}
	}
	return false;
}
