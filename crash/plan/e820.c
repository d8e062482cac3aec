// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/e820.h"

#include "lib/mem.h"

#define E820_TYPE_PRAM 12 // legacy NVDIMM, asm/e820/types.h

static uint64_t entry_end(const struct boot_e820_entry *entry)
{
	return entry->addr + entry->size;
}

bool lb_e820_merges(uint32_t type)
{
	return type != E820_TYPE_PRAM && type != LB_E820_SOFT_RESERVED;
}

// Refuses a change of a sealed table: the error says who wanted to do what with which range.
static int fail_sealed(const char *caller, const char *wanted, struct lb_range range,
		       const struct lb_e820 *map, struct lb_error *err)
{
	return lb_fail(err,
		       "memory map: %s() wanted to %s 0x%lx-0x%lx, but the table of %u entries is sealed",
		       caller, wanted, range.start, range.end, map->count);
}

int lb_e820_check_open(const char *caller, const char *wanted, const struct lb_e820 *map,
		       struct lb_error *err)
{
	if (!map->sealed)
		return 0;
	return lb_fail(err, "memory map: %s() wanted to %s a table of %u entries that is sealed", caller,
		       wanted, map->count);
}

static int check_room(const struct lb_e820 *map, uint32_t more, struct lb_error *err)
{
	if (more > map->capacity - map->count)
		return lb_fail(err,
			       "memory map: the table has %u entries and room for %u, %u more were wanted",
			       map->count, map->capacity, more);
	return 0;
}

static void remove_at(struct lb_e820 *map, uint32_t at)
{
	map->count--;
	memmove(&map->entries[at], &map->entries[at + 1], (map->count - at) * sizeof(*map->entries));
}

// Inserts an entry at `at`. The caller has made sure of the room.
static void insert_at(struct lb_e820 *map, uint32_t at, struct lb_range range, uint32_t type)
{
	memmove(&map->entries[at + 1], &map->entries[at], (map->count - at) * sizeof(*map->entries));
	map->entries[at] = (struct boot_e820_entry){range.start, lb_range_size(range), type};
	map->count++;
}

static int add(struct lb_e820 *map, struct lb_range range, uint32_t type, struct lb_error *err)
{
	if (range.end < range.start)
		return lb_fail(err, "memory map: entry %u starts at 0x%lx and ends before it, at 0x%lx",
			       map->count, range.start, range.end);
	if (lb_range_empty(range) || type == 0)
		return 0;
	if (check_room(map, 1, err) != 0)
		return -1;
	insert_at(map, map->count, range, type);
	return 0;
}

int lb_e820_add_by(const char *caller, struct lb_e820 *map, struct lb_range range, uint32_t type,
		   struct lb_error *err)
{
	if (map->sealed)
		return fail_sealed(caller, "add", range, map, err);
	return add(map, range, type, err);
}

int lb_e820_append_by(const char *caller, struct lb_e820 *map, struct lb_range range, uint32_t type,
		      struct lb_error *err)
{
	struct boot_e820_entry *last = &map->entries[map->count - (map->count > 0)];

	if (map->sealed)
		return fail_sealed(caller, "append", range, map, err);
	if (map->count > 0 && last->type == type && entry_end(last) == range.start) {
		last->size += lb_range_size(range);
		return 0;
	}
	return add(map, range, type, err);
}

// Of two entries that begin at one address, the winner comes first.
static bool sorts_before(const struct boot_e820_entry *a, const struct boot_e820_entry *b)
{
	if (a->addr != b->addr)
		return a->addr < b->addr;
	return a->type > b->type;
}

// Insertion sort: firmware lists maps nearly in order, and there is nowhere to
// allocate from.
static void sort(struct lb_e820 *map)
{
	for (uint32_t i = 1; i < map->count; i++) {
		struct boot_e820_entry entry = map->entries[i];
		uint32_t at = i;

		while (at > 0 && sorts_before(&entry, &map->entries[at - 1])) {
			map->entries[at] = map->entries[at - 1];
			at--;
		}
		map->entries[at] = entry;
	}
}

// Puts a piece where it sorts, not before `at`.
static void insert_sorted(struct lb_e820 *map, uint32_t at, struct lb_range range, uint32_t type)
{
	struct boot_e820_entry piece = {range.start, lb_range_size(range), type};

	while (at < map->count && sorts_before(&map->entries[at], &piece))
		at++;
	insert_at(map, at, range, type);
}

// Entries `at` and `at + 1` overlap: the loser gives up what both have. Each call
// makes the sum of all sizes smaller, so that the caller's loop ends.
static int resolve(struct lb_e820 *map, uint32_t at, struct lb_error *err)
{
	struct boot_e820_entry *first = &map->entries[at];
	struct boot_e820_entry second = map->entries[at + 1];
	uint64_t first_end = entry_end(first);
	uint64_t second_end = entry_end(&second);

	if (first->type >= second.type) {
		remove_at(map, at + 1);
		if (second_end > first_end)
			insert_sorted(map, at + 1, (struct lb_range){first_end, second_end}, second.type);
		return 0;
	}
	if (first_end > second_end && check_room(map, 1, err) != 0)
		return -1;
	first->size = second.addr - first->addr;
	if (first_end > second_end)
		insert_sorted(map, at + 2, (struct lb_range){second_end, first_end}, first->type);
	return 0;
}

static void merge_neighbours(struct lb_e820 *map)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < map->count; i++) {
		struct boot_e820_entry entry = map->entries[i];
		struct boot_e820_entry *last = &map->entries[kept - (kept > 0)];

		if (kept > 0 && last->type == entry.type && lb_e820_merges(entry.type) &&
		    entry_end(last) == entry.addr)
			last->size += entry.size;
		else
			map->entries[kept++] = entry;
	}
	map->count = kept;
}

static int tidy(struct lb_e820 *map, struct lb_error *err)
{
	uint32_t at = 0;

	sort(map);
	while (at + 1 < map->count) {
		if (entry_end(&map->entries[at]) <= map->entries[at + 1].addr)
			at++;
		else if (resolve(map, at, err) != 0)
			return -1;
	}
	merge_neighbours(map);
	return 0;
}

int lb_e820_tidy_by(const char *caller, struct lb_e820 *map, struct lb_error *err)
{
	if (lb_e820_check_open(caller, "tidy", map, err) != 0)
		return -1;
	return tidy(map, err);
}

// The part of `range` that lies in entry `at` becomes `to`, or a hole when `to` is 0. Returns
// the number of entries that stand there afterwards, -1 when they do not fit.
static int replace_part(struct lb_e820 *map, uint32_t at, struct lb_range range, uint32_t to,
			struct lb_error *err)
{
	struct boot_e820_entry old = map->entries[at];
	struct lb_range middle = lb_range_intersect(lb_e820_range(&old), range);
	struct lb_range head = {old.addr, middle.start};
	struct lb_range tail = {middle.end, entry_end(&old)};
	uint32_t pieces = !lb_range_empty(head) + (to != 0) + !lb_range_empty(tail);

	if (pieces > 1 && check_room(map, pieces - 1, err) != 0)
		return -1;
	remove_at(map, at);
	if (!lb_range_empty(tail))
		insert_at(map, at, tail, old.type);
	if (to)
		insert_at(map, at, middle, to);
	if (!lb_range_empty(head))
		insert_at(map, at, head, old.type);
	return (int)pieces;
}

// Inside `range`, every entry of type *from (NULL: of any) becomes `to` (0: nothing).
static int replace_all(struct lb_e820 *map, struct lb_range range, const uint32_t *from, uint32_t to,
		       struct lb_error *err)
{
	if (lb_range_empty(range))
		return 0;
	for (uint32_t i = 0; i < map->count;) {
		int pieces = 1;

		if ((!from || map->entries[i].type == *from) &&
		    lb_range_overlaps(lb_e820_range(&map->entries[i]), range))
			pieces = replace_part(map, i, range, to, err);
		if (pieces < 0)
			return -1;
		i += (uint32_t)pieces;
	}
	return 0;
}

int lb_e820_cut_by(const char *caller, struct lb_e820 *map, struct lb_range range, struct lb_error *err)
{
	if (map->sealed)
		return fail_sealed(caller, "cut", range, map, err);
	return replace_all(map, range, NULL, 0, err);
}

int lb_e820_retype_by(const char *caller, struct lb_e820 *map, struct lb_range range, uint32_t from,
		      uint32_t to, struct lb_error *err)
{
	if (map->sealed)
		return fail_sealed(caller, "retype", range, map, err);
	if (replace_all(map, range, &from, to, err) != 0)
		return -1;
	merge_neighbours(map); // a tidy table stays one
	return 0;
}

void lb_e820_seal(struct lb_e820 *map)
{
	map->sealed = true;
}

uint64_t lb_e820_ram(const struct lb_e820 *map, struct lb_range range)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < map->count; i++) {
		if (map->entries[i].type == LB_E820_RAM)
			bytes += lb_range_size(lb_range_intersect(lb_e820_range(&map->entries[i]), range));
	}
	return bytes;
}

bool lb_e820_all(const struct lb_e820 *map, struct lb_range range, uint32_t type)
{
	uint64_t reached = range.start;

	for (uint32_t i = 0; i < map->count && reached < range.end; i++) {
		const struct boot_e820_entry *entry = &map->entries[i];

		if (entry_end(entry) <= reached)
			continue;
		if (entry->addr > reached || entry->type != type)
			return false;
		reached = entry_end(entry);
	}
	return reached >= range.end;
}

const char *lb_e820_type_text(uint32_t type)
{
	switch (type) {
	case LB_E820_RAM:
		return "RAM";
	case LB_E820_RESERVED:
		return "reserved";
	case LB_E820_ACPI:
		return "ACPI data";
	case LB_E820_NVS:
		return "ACPI NVS";
	case LB_E820_UNUSABLE:
		return "unusable";
	case LB_E820_PMEM:
		return "persistent";
	case LB_E820_SOFT_RESERVED:
		return "soft reserved";
	default:
		return "unknown";
	}
}
