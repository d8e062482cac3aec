// SPDX-License-Identifier: BSD-2-Clause
#include "loader/hook/mat.h"

#include "lib/mem.h"

#define MAT_MAX_ENTRIES 65536 // far above any table seen; keeps the arithmetic small
#define MAT_RO 0x20000ULL // EFI_MEMORY_RO
#define MAT_XP 0x4000ULL // EFI_MEMORY_XP

static bool well_formed(const struct lb_mat_header *table)
{
	return table->entries <= MAT_MAX_ENTRIES && table->entry_bytes >= sizeof(EFI_MEMORY_DESCRIPTOR) &&
	       table->entry_bytes <= LB_PAGE && table->entry_bytes % 8 == 0;
}

static EFI_MEMORY_DESCRIPTOR *entry_at(void *table, uint32_t entry_bytes, uint32_t index)
{
	return (EFI_MEMORY_DESCRIPTOR *)((uint8_t *)table + sizeof(struct lb_mat_header) +
					 (size_t)index * entry_bytes);
}

// A copy, because descriptors may be larger than the struct and are const.
static EFI_MEMORY_DESCRIPTOR entry_copy(const struct lb_mat_header *table, uint32_t index)
{
	EFI_MEMORY_DESCRIPTOR entry;

	memcpy(&entry, (const uint8_t *)table + sizeof(*table) + (size_t)index * table->entry_bytes,
	       sizeof(entry));
	return entry;
}

// False when the entry wraps around or is beyond what can be addressed.
static bool entry_range(const EFI_MEMORY_DESCRIPTOR *entry, struct lb_range *ret_range)
{
	uint64_t bytes;

	if (__builtin_mul_overflow(entry->NumberOfPages, LB_PAGE, &bytes) ||
	    __builtin_add_overflow(entry->PhysicalStart, bytes, &ret_range->end))
		return false;
	ret_range->start = entry->PhysicalStart;
	return true;
}

// Whether no listed byte of `part` has the attribute `unwanted`.
static bool free_of(const struct lb_mat_header *table, struct lb_range part, uint64_t unwanted)
{
	for (uint32_t i = 0; i < table->entries; i++) {
		EFI_MEMORY_DESCRIPTOR entry = entry_copy(table, i);
		struct lb_range range;

		if (!entry_range(&entry, &range))
			return false;
		if (lb_range_overlaps(range, part) && (entry.Attribute & unwanted))
			return false;
	}
	return true;
}

static bool runs(const struct lb_mat_header *table, struct lb_range text, struct lb_range data)
{
	return free_of(table, text, MAT_XP) && free_of(table, data, MAT_RO);
}

size_t lb_mat_room(const struct lb_mat_header *table, uint32_t spare)
{
	if (!well_formed(table))
		return 0;
	return sizeof(*table) + ((size_t)table->entries + spare) * table->entry_bytes;
}

// The end of the piece that begins at `at`: the next edge of text or data, or `end`.
static uint64_t next_edge(uint64_t at, uint64_t end, struct lb_range text, struct lb_range data)
{
	const uint64_t edges[] = {text.start, text.end, data.start, data.end};

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		if (edges[i] > at && edges[i] < end)
			end = edges[i];
	}
	return end;
}

enum lb_mat_status lb_mat_split(const struct lb_mat_header *table, struct lb_range text, struct lb_range data,
				void *out, size_t out_bytes)
{
	struct lb_mat_header *copy = out;
	uint32_t written = 0;
	size_t room;

	if (!well_formed(table))
		return LB_MAT_FAILED;
	if (runs(table, text, data))
		return LB_MAT_UNCHANGED;
	if (out_bytes < sizeof(*copy))
		return LB_MAT_FAILED;
	room = (out_bytes - sizeof(*copy)) / table->entry_bytes;

	for (uint32_t i = 0; i < table->entries; i++) {
		EFI_MEMORY_DESCRIPTOR entry = entry_copy(table, i);
		uint64_t virt = entry.VirtualStart;
		struct lb_range whole;

		if (!entry_range(&entry, &whole))
			return LB_MAT_FAILED;
		for (uint64_t at = whole.start, end; at < whole.end || at == whole.start; at = end) {
			EFI_MEMORY_DESCRIPTOR piece = entry;
			EFI_MEMORY_DESCRIPTOR *slot;

			end = next_edge(at, whole.end, text, data);
			if (!lb_aligned(end - at, LB_PAGE))
				return LB_MAT_FAILED; // an entry off the page grid cannot be cut
			piece.PhysicalStart = at;
			piece.VirtualStart = virt ? virt + (at - whole.start) : 0;
			piece.NumberOfPages = (end - at) / LB_PAGE;
			if (at >= text.start && at < text.end)
				piece.Attribute = (entry.Attribute & ~MAT_XP) | MAT_RO;
			else if (at >= data.start && at < data.end)
				piece.Attribute = (entry.Attribute & ~MAT_RO) | MAT_XP;
			if (written == room)
				return LB_MAT_FAILED;
			slot = entry_at(out, table->entry_bytes, written++);
			memset(slot, 0, table->entry_bytes);
			memcpy(slot, &piece, sizeof(piece));
			if (end == at)
				break; // an empty entry is copied as it is
		}
	}
	*copy = *table;
	copy->entries = written;
	return runs(copy, text, data) ? LB_MAT_SPLIT : LB_MAT_FAILED;
}

void lb_mat_open(struct lb_mat_header *table, struct lb_range text, struct lb_range data)
{
	for (uint32_t i = 0; well_formed(table) && i < table->entries; i++) {
		EFI_MEMORY_DESCRIPTOR entry = entry_copy(table, i);
		struct lb_range range;

		if (!entry_range(&entry, &range))
			continue;
		if (lb_range_overlaps(range, text))
			entry.Attribute &= ~MAT_XP;
		if (lb_range_overlaps(range, data))
			entry.Attribute &= ~MAT_RO;
		memcpy(entry_at(table, table->entry_bytes, i), &entry, sizeof(entry));
	}
}
