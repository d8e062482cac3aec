// SPDX-License-Identifier: BSD-2-Clause
// The memory map as the kernel knows it: a table of present entries only, in the
// kernel's own struct boot_e820_entry (20 bytes each).
//
// A rule taken from the kernel: on overlap the larger type number wins
// (arch/x86/kernel/e820.c, e820__update_table()).
//
// A table is built, then sealed. A sealed one refuses every change and says who asked.
#ifndef LIFEBOAT_CRASH_PLAN_E820_H
#define LIFEBOAT_CRASH_PLAN_E820_H

#include <asm/bootparam.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"
#include "lifeboat/range.h"

// e820 types; arch/x86/include/asm/e820/types.h (not in the uapi headers).
enum lb_e820_type {
	LB_E820_RAM = 1,
	LB_E820_RESERVED = 2,
	LB_E820_ACPI = 3,
	LB_E820_NVS = 4,
	LB_E820_UNUSABLE = 5,
	LB_E820_PMEM = 7,
	LB_E820_SOFT_RESERVED = 0xefffffff,
};

struct lb_e820 {
	struct boot_e820_entry *entries; // the caller's buffer
	uint32_t count;
	uint32_t capacity; // entries that fit
	bool sealed;
};

static inline struct lb_range lb_e820_range(const struct boot_e820_entry *entry)
{
	return (struct lb_range){entry->addr, entry->addr + entry->size};
}

// Does the kernel join neighbours of this type? It keeps those of two types apart, because
// each entry may be a device or a NUMA node of its own (e820_nomerge()).
bool lb_e820_merges(uint32_t type);

// The functions that change a table refuse a sealed one. They are called by their names
// without _by: the macro passes on which function asks, and the refusal names it.

// Fails on a sealed table, for the files beside e820.c. `wanted` is the verb of the refusal.
int lb_e820_check_open(const char *caller, const char *wanted, const struct lb_e820 *map,
		       struct lb_error *err);

// Appends [start, end), which may touch or overlap others until lb_e820_tidy(). Passes
// over empty ranges and type 0, which to the kernel is a hole. Fails when full or wrapped.
#define lb_e820_add(...) lb_e820_add_by(__func__, __VA_ARGS__)
int lb_e820_add_by(const char *caller, struct lb_e820 *map, struct lb_range range, uint32_t type,
		   struct lb_error *err);

// Does as lb_e820_add(), but makes the last entry longer where `range` goes on with its type.
#define lb_e820_append(...) lb_e820_append_by(__func__, __VA_ARGS__)
int lb_e820_append_by(const char *caller, struct lb_e820 *map, struct lb_range range, uint32_t type,
		      struct lb_error *err);

// Sorts, resolves overlaps (larger type number wins), merges neighbours of one type.
#define lb_e820_tidy(...) lb_e820_tidy_by(__func__, __VA_ARGS__)
int lb_e820_tidy_by(const char *caller, struct lb_e820 *map, struct lb_error *err);

// On a tidy table: removes [start, end) of every type, splitting entries; result tidy.
#define lb_e820_cut(...) lb_e820_cut_by(__func__, __VA_ARGS__)
int lb_e820_cut_by(const char *caller, struct lb_e820 *map, struct lb_range range, struct lb_error *err);

// On a tidy table: [start, end) where it has type `from` becomes `to`; result tidy.
#define lb_e820_retype(...) lb_e820_retype_by(__func__, __VA_ARGS__)
int lb_e820_retype_by(const char *caller, struct lb_e820 *map, struct lb_range range, uint32_t from,
		      uint32_t to, struct lb_error *err);

void lb_e820_seal(struct lb_e820 *map);

// Bytes of RAM inside [start, end).
uint64_t lb_e820_ram(const struct lb_e820 *map, struct lb_range range);
// Is the whole of `range` of this type? On a tidy table.
bool lb_e820_all(const struct lb_e820 *map, struct lb_range range, uint32_t type);
const char *lb_e820_type_text(uint32_t type);

#endif
