// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/e820.h"

#include "lib/mem.h"

// UEFI memory types, UEFI specification 2.10, table 7.10. Named here because no
// EFI header may be seen below loader/.
enum uefi_type {
	UEFI_LOADER_CODE = 1,
	UEFI_LOADER_DATA = 2,
	UEFI_BOOT_SERVICES_CODE = 3,
	UEFI_BOOT_SERVICES_DATA = 4,
	UEFI_CONVENTIONAL = 7,
	UEFI_UNUSABLE = 8,
	UEFI_ACPI_RECLAIM = 9,
	UEFI_ACPI_NVS = 10,
	UEFI_PERSISTENT = 14,
};

#define UEFI_ATTRIBUTE_SP (1ULL << 18) // EFI_MEMORY_SP: specific purpose

#define E820_TYPE_PRAM 12 // legacy NVDIMM, asm/e820/types.h

static uint64_t entry_end(const struct boot_e820_entry *entry)
{
	return entry->addr + entry->size;
}

static struct lb_range entry_range(const struct boot_e820_entry *entry)
{
	return (struct lb_range){entry->addr, entry_end(entry)};
}

// The kernel keeps neighbours of these two types apart: each entry may be a device
// or a NUMA node of its own (e820_nomerge()).
static bool merges(uint32_t type)
{
	return type != E820_TYPE_PRAM && type != LB_E820_SOFT_RESERVED;
}

// A sealed table: who wanted to do what with which range.
static int fail_sealed(const char *caller, const char *wanted, struct lb_range range,
		       const struct lb_e820 *map, struct lb_error *err)
{
	return lb_fail(err,
		       "memory map: %s() wanted to %s 0x%lx-0x%lx, but the table of %u entries is sealed",
		       caller, wanted, range.start, range.end, map->count);
}

// The same for what is done with the whole table.
static int fail_sealed_whole(const char *caller, const char *wanted, const struct lb_e820 *map,
			     struct lb_error *err)
{
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

// The caller made sure of the room.
static void insert_at(struct lb_e820 *map, uint32_t at, struct lb_range range, uint32_t type)
{
	memmove(&map->entries[at + 1], &map->entries[at], (map->count - at) * sizeof(*map->entries));
	map->entries[at] = (struct boot_e820_entry){range.start, lb_range_size(range), type};
	map->count++;
}

uint32_t lb_e820_type_of_uefi(uint32_t type, uint64_t attribute)
{
	switch (type) {
	case UEFI_LOADER_CODE:
	case UEFI_LOADER_DATA:
	case UEFI_BOOT_SERVICES_CODE:
	case UEFI_BOOT_SERVICES_DATA:
	case UEFI_CONVENTIONAL:
		return attribute & UEFI_ATTRIBUTE_SP ? LB_E820_SOFT_RESERVED : LB_E820_RAM;
	case UEFI_UNUSABLE:
		return LB_E820_UNUSABLE;
	case UEFI_ACPI_RECLAIM:
		return LB_E820_ACPI;
	case UEFI_ACPI_NVS:
		return LB_E820_NVS;
	case UEFI_PERSISTENT:
		return LB_E820_PMEM;
	default:
		return LB_E820_RESERVED;
	}
}

static int add(struct lb_e820 *map, struct lb_range range, uint32_t type, struct lb_error *err)
{
	if (range.end < range.start)
		return lb_fail(err, "memory map: entry %u starts at 0x%lx and ends before it, at 0x%lx",
			       map->count, range.start, range.end);
	if (lb_range_empty(range) || type == 0)
		return 0;
	if (check_room(map, 1, err))
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

// Of two entries that begin together the winner comes first.
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
	if (first_end > second_end && check_room(map, 1, err))
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

		if (kept > 0 && last->type == entry.type && merges(entry.type) &&
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
		else if (resolve(map, at, err))
			return -1;
	}
	merge_neighbours(map);
	return 0;
}

int lb_e820_tidy_by(const char *caller, struct lb_e820 *map, struct lb_error *err)
{
	if (map->sealed)
		return fail_sealed_whole(caller, "tidy", map, err);
	return tidy(map, err);
}

// What entry `at` has of `range` becomes `to`, or a hole when `to` is 0. Returns
// the number of entries that stand there afterwards, -1 when they do not fit.
static int replace_part(struct lb_e820 *map, uint32_t at, struct lb_range range, uint32_t to,
			struct lb_error *err)
{
	struct boot_e820_entry old = map->entries[at];
	struct lb_range middle = lb_range_intersect(entry_range(&old), range);
	struct lb_range head = {old.addr, middle.start};
	struct lb_range tail = {middle.end, entry_end(&old)};
	uint32_t pieces = !lb_range_empty(head) + (to != 0) + !lb_range_empty(tail);

	if (pieces > 1 && check_room(map, pieces - 1, err))
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
		    lb_range_overlaps(entry_range(&map->entries[i]), range))
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
	if (replace_all(map, range, &from, to, err))
		return -1;
	merge_neighbours(map); // a tidy table stays one
	return 0;
}

// Appends, or makes the last entry longer where `range` goes on with its type.
static int append(struct lb_e820 *map, struct lb_range range, uint32_t type, struct lb_error *err)
{
	struct boot_e820_entry *last = &map->entries[map->count - (map->count > 0)];

	if (map->count > 0 && last->type == type && entry_end(last) == range.start) {
		last->size += lb_range_size(range);
		return 0;
	}
	return add(map, range, type, err);
}

static int check_descriptor(const struct lb_uefi_range *descriptor, uint32_t index,
			    struct lb_range *ret_range, struct lb_error *err)
{
	uint64_t bytes;
	uint64_t end;

	if (!lb_aligned(descriptor->phys, LB_PAGE))
		return lb_fail(err, "UEFI memory map: descriptor %u starts at 0x%lx, not on a 4 KiB page",
			       index, descriptor->phys);
	if (__builtin_mul_overflow(descriptor->pages, LB_PAGE, &bytes) ||
	    __builtin_add_overflow(descriptor->phys, bytes, &end))
		return lb_fail(err,
			       "UEFI memory map: descriptor %u at 0x%lx has 0x%lx pages, which is more than "
			       "64 bits can address",
			       index, descriptor->phys, descriptor->pages);
	*ret_range = (struct lb_range){descriptor->phys, end};
	return 0;
}

int lb_e820_from_uefi_by(const char *caller, struct lb_e820 *map, const struct lb_uefi_range *ranges,
			 uint32_t count, struct lb_error *err)
{
	if (map->sealed)
		return fail_sealed_whole(caller, "fill from a UEFI map", map, err);
	map->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t type = lb_e820_type_of_uefi(ranges[i].type, ranges[i].attribute);
		struct lb_range range;

		if (check_descriptor(&ranges[i], i, &range, err))
			return -1;
		if (lb_range_empty(range))
			continue;
		// The stub joins descriptors that follow one another, of every type: what it
		// joins, the kernel no longer tells apart.
		if (append(map, range, type, err))
			return -1;
	}
	return tidy(map, err);
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
			bytes += lb_range_size(lb_range_intersect(entry_range(&map->entries[i]), range));
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

// As append(), on a table that is filled in address order, but neighbours of types that
// stay apart do so: it never takes more entries than the tidy result has.
static int append_tidy(struct lb_e820 *map, struct lb_range range, uint32_t type, struct lb_error *err)
{
	return merges(type) ? append(map, range, type, err) : add(map, range, type, err);
}

// One RAM entry of e820_saved, cut at the borders where its new type may change. `kept`
// is sorted; an empty one keeps nothing.
static int append_ram(struct lb_e820 *map, struct lb_range ram, const struct lb_range kept[2],
		      struct lb_error *err)
{
	const uint64_t borders[] = {LB_LOW_END,    kept[0].start, kept[0].end,
				    kept[1].start, kept[1].end,   ram.end};

	for (unsigned int i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
		struct lb_range piece = {ram.start, borders[i] < ram.end ? borders[i] : ram.end};
		bool stays = piece.end <= LB_LOW_END || lb_range_contains(kept[0], piece) ||
			     lb_range_contains(kept[1], piece);

		if (lb_range_empty(piece))
			continue;
		if (append_tidy(map, piece, stays ? LB_E820_RAM : LB_E820_RESERVED, err))
			return -1;
		ram.start = piece.end;
	}
	return 0;
}

static int check_regions(const struct lb_e820 *saved, struct lb_range crash, struct lb_range crash_ram,
			 struct lb_range crash_low, struct lb_error *err)
{
	if (crash.start < LB_LOW_END || lb_range_empty(crash) || !lb_e820_all(saved, crash, LB_E820_RAM))
		return lb_fail(err, "memory map: the crash region 0x%lx-0x%lx is not all RAM above 1 MiB",
			       crash.start, crash.end);
	if (lb_range_empty(crash_ram) || !lb_range_contains(crash, crash_ram))
		return lb_fail(
			err,
			"memory map: the second kernel's RAM 0x%lx-0x%lx is not inside the crash region "
			"0x%lx-0x%lx",
			crash_ram.start, crash_ram.end, crash.start, crash.end);
	if (crash_low.end < crash_low.start)
		return lb_fail(err, "memory map: the low region starts at 0x%lx and ends before it, at 0x%lx",
			       crash_low.start, crash_low.end);
	if (!lb_range_empty(crash_low) &&
	    (crash_low.start < LB_LOW_END || !lb_e820_all(saved, crash_low, LB_E820_RAM)))
		return lb_fail(err, "memory map: the low region 0x%lx-0x%lx is not all RAM above 1 MiB",
			       crash_low.start, crash_low.end);
	if (!lb_range_empty(crash_low) && lb_range_overlaps(crash_low, crash))
		return lb_fail(
			err,
			"memory map: the low region 0x%lx-0x%lx and the crash region 0x%lx-0x%lx overlap",
			crash_low.start, crash_low.end, crash.start, crash.end);
	return 0;
}

int lb_e820_second_by(const char *caller, const struct lb_e820 *saved, struct lb_range crash,
		      struct lb_range crash_ram, struct lb_range crash_low, struct lb_e820 *map,
		      struct lb_error *err)
{
	bool low_first = crash_low.start < crash_ram.start;
	const struct lb_range kept[2] = {low_first ? crash_low : crash_ram,
					 low_first ? crash_ram : crash_low};

	if (map->sealed)
		return fail_sealed_whole(caller, "fill as the second kernel's", map, err);
	if (check_regions(saved, crash, crash_ram, crash_low, err))
		return -1;
	// The real-mode trampoline lives there: without it every kernel panics at boot.
	if (lb_e820_ram(saved, (struct lb_range){0, LB_LOW_END}) == 0)
		return lb_fail(err, "memory map: there is no RAM below 1 MiB, which the second kernel needs");

	map->count = 0;
	for (uint32_t i = 0; i < saved->count; i++) {
		const struct boot_e820_entry *entry = &saved->entries[i];
		int failed;

		if (entry->type == LB_E820_RAM)
			failed = append_ram(map, entry_range(entry), kept, err);
		else
			failed = append_tidy(map, entry_range(entry), entry->type, err);
		if (failed)
			return -1;
	}
	return 0;
}
