// SPDX-License-Identifier: BSD-2-Clause
// Property: for any memory attributes table, lb_mat_split() either
//
//   splits      every page of the hook's text may then be executed, and every page of its data written, judged
//               page by page; all other pages keep their attributes; each new entry is a piece of one old entry
//               with its type, and together they are as long as before
//   leaves it   the same holds without a change
//   fails       only if the table is malformed or overlaps itself in the hook's image, or there is too little
//               room
//
// and writes nothing outside of its room. For any table, lb_mat_open() leaves one in which the hook runs, and
// whose entries lie where they lay.
#include "fuzz.h"
#include "loader/hook/mat.c"

#define RO 0x20000ULL
#define XP 0x4000ULL
#define BASE 0x7e000000ULL
#define PAGES 64U // the entries lie in so many pages
#define ENTRIES_MAX 32U

static const struct lb_range text = {BASE + 16 * LB_PAGE, BASE + 24 * LB_PAGE};
static const struct lb_range data_part = {BASE + 24 * LB_PAGE, BASE + 32 * LB_PAGE};

static EFI_MEMORY_DESCRIPTOR entry_of(const void *table, uint32_t index)
{
	struct lb_mat_header header;
	EFI_MEMORY_DESCRIPTOR entry;

	memcpy(&header, table, sizeof(header));
	memcpy(&entry, (const uint8_t *)table + sizeof(header) + (size_t)index * header.entry_bytes,
	       sizeof(entry));
	return entry;
}

static uint32_t entries_of(const void *table)
{
	return ((const struct lb_mat_header *)table)->entries;
}

static bool holds(const EFI_MEMORY_DESCRIPTOR *entry, uint64_t phys)
{
	return phys >= entry->PhysicalStart && (phys - entry->PhysicalStart) / LB_PAGE < entry->NumberOfPages;
}

// Combines the attributes of all entries that hold a page, by AND and by OR; returns their number.
static uint32_t attributes_at(const void *table, uint64_t phys, uint64_t *ret_all, uint64_t *ret_any)
{
	uint32_t count = 0;

	*ret_all = UINT64_MAX;
	*ret_any = 0;
	for (uint32_t i = 0; i < entries_of(table); i++) {
		EFI_MEMORY_DESCRIPTOR entry = entry_of(table, i);

		if (!holds(&entry, phys))
			continue;
		*ret_all &= entry.Attribute;
		*ret_any |= entry.Attribute;
		count++;
	}
	return count;
}

static bool is_in(struct lb_range range, uint64_t phys)
{
	return phys >= range.start && phys < range.end;
}

static void check_runs(const void *table)
{
	for (uint64_t phys = BASE; phys < BASE + PAGES * LB_PAGE; phys += LB_PAGE) {
		uint64_t all, any;

		attributes_at(table, phys, &all, &any);
		fuzz_check(!is_in(text, phys) || !(any & XP));
		fuzz_check(!is_in(data_part, phys) || !(any & RO));
	}
}

// Expects the entries of `table` from `next` on to be `whole` in pieces; returns the entry behind them.
static uint32_t check_pieces(EFI_MEMORY_DESCRIPTOR whole, const void *table, uint32_t next)
{
	uint64_t pages = 0;

	do {
		uint64_t offset = pages * LB_PAGE;
		EFI_MEMORY_DESCRIPTOR piece;

		fuzz_check(next < entries_of(table));
		piece = entry_of(table, next++);
		fuzz_check(piece.Type == whole.Type && piece.PhysicalStart == whole.PhysicalStart + offset);
		fuzz_check(piece.VirtualStart == (whole.VirtualStart ? whole.VirtualStart + offset : 0));
		fuzz_check(piece.NumberOfPages > 0 || whole.NumberOfPages == 0);
		pages += piece.NumberOfPages;
	} while (pages < whole.NumberOfPages);
	fuzz_check(pages == whole.NumberOfPages);
	return next;
}

static void check_split(const void *before, const void *after)
{
	uint32_t next = 0;

	check_runs(after);
	for (uint64_t phys = BASE - LB_PAGE; phys < BASE + (PAGES + 1) * LB_PAGE; phys += LB_PAGE) {
		uint64_t all[2], any[2];
		uint32_t count = attributes_at(before, phys, &all[0], &any[0]);

		fuzz_check(attributes_at(after, phys, &all[1], &any[1]) == count);
		if (!is_in(text, phys) && !is_in(data_part, phys))
			fuzz_check(all[0] == all[1] && any[0] == any[1]);
		else if (count > 0)
			fuzz_check((all[0] & ~(RO | XP)) == (all[1] & ~(RO | XP)));
	}
	for (uint32_t i = 0; i < entries_of(before); i++)
		next = check_pieces(entry_of(before, i), after, next);
	fuzz_check(next == entries_of(after));
}

// True if splitting may fail for another reason than room.
static bool is_bad(const void *table)
{
	for (uint32_t i = 0; i < entries_of(table); i++) {
		EFI_MEMORY_DESCRIPTOR entry = entry_of(table, i);

		if (entry.PhysicalStart % LB_PAGE || entry.NumberOfPages > UINT64_MAX / LB_PAGE ||
		    entry.PhysicalStart + entry.NumberOfPages * LB_PAGE < entry.PhysicalStart)
			return true;
	}
	return false;
}

// An entry whose end overflows holds nothing that an operating system could map.
static void check_opened(const void *before, const void *after)
{
	if (!is_bad(before))
		check_runs(after);
	fuzz_check(entries_of(after) == entries_of(before));
	for (uint32_t i = 0; i < entries_of(before); i++) {
		EFI_MEMORY_DESCRIPTOR old = entry_of(before, i), new = entry_of(after, i);

		fuzz_check(!(new.Attribute & ~old.Attribute) &&
			   !((old.Attribute ^ new.Attribute) & ~(RO | XP)));
		new.Attribute = old.Attribute;
		fuzz_check(memcmp(&old, &new, sizeof(old)) == 0);
	}
}

static void take_entry(struct fuzz_input *input, EFI_MEMORY_DESCRIPTOR *ret_entry)
{
	uint8_t how = (uint8_t)fuzz_take(input, 1);
	uint64_t start = fuzz_take(input, 1) % PAGES;

	*ret_entry = (EFI_MEMORY_DESCRIPTOR){
		.Type = how & 1 ? EfiRuntimeServicesCode : EfiRuntimeServicesData,
		.PhysicalStart = BASE + start * LB_PAGE,
		.NumberOfPages = fuzz_take(input, 1) % (PAGES - start + 1),
		.Attribute = (how & 2 ? RO : 0) | (how & 4 ? XP : 0) | 1ULL << 63,
	};
	if (how & 8)
		ret_entry->VirtualStart = 0xfffffffe00000000ULL + ret_entry->PhysicalStart;
	if (how == 0x10)
		ret_entry->NumberOfPages = fuzz_take(input, 8);
	if (how == 0x20)
		ret_entry->PhysicalStart += fuzz_take(input, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = {data, bytes};
	struct lb_mat_header header = {.version = 1 + (uint32_t)fuzz_take(&input, 1), .flags = 1};
	uint32_t spare = (uint32_t)fuzz_take(&input, 1) % 72;
	uint8_t *table, *out;
	size_t room;

	header.entries = (uint32_t)fuzz_take(&input, 1) % (ENTRIES_MAX + 1);
	header.entry_bytes = 40 + 8 * ((uint32_t)fuzz_take(&input, 1) % 4);
	table = fuzz_alloc(sizeof(header) + (size_t)header.entries * header.entry_bytes);
	memset(table, 0, sizeof(header) + (size_t)header.entries * header.entry_bytes);
	memcpy(table, &header, sizeof(header));
	for (uint32_t i = 0; i < header.entries; i++) {
		EFI_MEMORY_DESCRIPTOR entry;

		take_entry(&input, &entry);
		memcpy(table + sizeof(header) + (size_t)i * header.entry_bytes, &entry, sizeof(entry));
	}

	room = lb_mat_room((const struct lb_mat_header *)(const void *)table, spare);
	fuzz_check(room == sizeof(header) + (size_t)(header.entries + spare) * header.entry_bytes);
	out = fuzz_alloc(room);
	switch (lb_mat_split((const struct lb_mat_header *)(const void *)table, text, data_part, out, room)) {
	case LB_MAT_UNCHANGED:
		check_runs(table);
		break;
	case LB_MAT_SPLIT:
		check_split(table, out);
		break;
	case LB_MAT_FAILED:
		// At most three borders of text and data lie in an entry, so it is cut into four pieces at
		// most.
		fuzz_check(is_bad(table) || spare < 3 * header.entries);
		break;
	}
	memcpy(out, table, room - (size_t)spare * header.entry_bytes);
	lb_mat_open((struct lb_mat_header *)(void *)out, text, data_part);
	check_opened(table, out);
	free(out);
	free(table);
	return 0;
}
