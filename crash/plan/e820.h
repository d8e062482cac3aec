// SPDX-License-Identifier: BSD-2-Clause
// The memory map as the kernel knows it: a table of present entries only, in the
// kernel's own struct boot_e820_entry (20 bytes each).
//
// Rules taken from the kernel: on overlap the larger type number wins
// (arch/x86/kernel/e820.c, e820__update_table()); EFI types become e820 types as
// in drivers/firmware/efi/libstub/x86-stub.c, setup_e820().
//
// A table is built, then sealed; a sealed one refuses every change and says who asked.
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

// One descriptor of the UEFI memory map, without its EFI type.
struct lb_uefi_range {
	uint64_t phys; // 4 KiB aligned
	uint64_t pages; // of 4 KiB
	uint64_t attribute; // EFI_MEMORY_*
	uint32_t type; // EFI_MEMORY_TYPE number
};

// The e820 type the kernel's stub gives to a UEFI memory type. Unknown and future types,
// unaccepted memory among them, are holes to the stub; here they are reserved, so that
// the second kernel puts nothing there. `attribute` matters for EFI_MEMORY_SP (soft
// reserved).
uint32_t lb_e820_type_of_uefi(uint32_t type, uint64_t attribute);

// The five that follow, and lb_e820_second(), change a table and refuse when it is sealed.
// They are called by their names without _by: these say which function asks, so that the
// refusal can name it.

// Appends [start, end); adjacent to or overlapping others as it likes until
// lb_e820_tidy(). Empty ranges and type 0, which to the kernel is a hole, are passed
// over. Fails when full or wrapped.
#define lb_e820_add(...) lb_e820_add_by(__func__, __VA_ARGS__)
int lb_e820_add_by(const char *caller, struct lb_e820 *map, struct lb_range range, uint32_t type,
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

// Builds a tidy table from a UEFI map of any order. A descriptor that is not aligned or
// wraps is an error naming its index; one without pages says nothing and is passed over
// (Lenovo's ThinkPad W541 has such ones, and the kernel prunes them).
#define lb_e820_from_uefi(...) lb_e820_from_uefi_by(__func__, __VA_ARGS__)
int lb_e820_from_uefi_by(const char *caller, struct lb_e820 *map, const struct lb_uefi_range *ranges,
			 uint32_t count, struct lb_error *err);

void lb_e820_seal(struct lb_e820 *map);

// Bytes of RAM inside [start, end).
uint64_t lb_e820_ram(const struct lb_e820 *map, struct lb_range range);
// Is the whole of `range` of this type? On a tidy table.
bool lb_e820_all(const struct lb_e820 *map, struct lb_range range, uint32_t type);
const char *lb_e820_type_text(uint32_t type);

// The second kernel's map: RAM below 1 MiB, `crash_ram` and `crash_low` stay RAM, `crash`
// less crash_ram is reserved, every other RAM becomes reserved, all else stays as it was.
// `crash_low` is RAM above 1 MiB and beside `crash`, or empty. `saved` is tidy; *map is
// filled and tidy.
#define lb_e820_second(...) lb_e820_second_by(__func__, __VA_ARGS__)
int lb_e820_second_by(const char *caller, const struct lb_e820 *saved, struct lb_range crash,
		      struct lb_range crash_ram, struct lb_range crash_low, struct lb_e820 *map,
		      struct lb_error *err);

#endif
