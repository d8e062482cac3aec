// SPDX-License-Identifier: BSD-2-Clause
// The memory map as the kernel knows it: a table of present entries only, in the
// kernel's own struct boot_e820_entry (20 bytes each).
//
// Rules taken from the kernel: on overlap the larger type number wins
// (arch/x86/kernel/e820.c, e820__update_table()); EFI types become e820 types as
// in drivers/firmware/efi/libstub/x86-stub.c, setup_e820().
//
// A table is built, then sealed; a sealed one refuses every change.
#ifndef LIFEBOAT_CRASH_E820_H
#define LIFEBOAT_CRASH_E820_H

#include <asm/bootparam.h>
#include <stdbool.h>
#include <stdint.h>

#include "crash/format.h"
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

// The e820 type the kernel's stub gives to a UEFI memory type; unknown and future
// types are reserved. `attribute` matters for EFI_MEMORY_SP (soft reserved).
uint32_t lb_e820_type_of_uefi(uint32_t type, uint64_t attribute);

// Appends [start, end); adjacent to or overlapping others as it likes until
// lb_e820_tidy(). Empty ranges are ignored. Fails when full, sealed or wrapped.
int lb_e820_add(struct lb_e820 *map, struct lb_range range, uint32_t type, struct lb_error *err);

// Sorts, resolves overlaps (larger type number wins), merges neighbours of one type.
int lb_e820_tidy(struct lb_e820 *map, struct lb_error *err);

// On a tidy table: removes [start, end) of every type, splitting entries; result tidy.
int lb_e820_cut(struct lb_e820 *map, struct lb_range range, struct lb_error *err);

// On a tidy table: [start, end) where it has type `from` becomes `to`; result tidy.
int lb_e820_retype(struct lb_e820 *map, struct lb_range range, uint32_t from, uint32_t to,
		   struct lb_error *err);

// Builds a tidy table from a UEFI map of any order. Every descriptor is checked
// (alignment, zero pages, wrap-around); a bad one is an error naming its index.
int lb_e820_from_uefi(struct lb_e820 *map, const struct lb_uefi_range *ranges, uint32_t count,
		      struct lb_error *err);

void lb_e820_seal(struct lb_e820 *map);

// Bytes of RAM inside [start, end).
uint64_t lb_e820_ram(const struct lb_e820 *map, struct lb_range range);
// Is the whole of `range` of this type? On a tidy table.
bool lb_e820_all(const struct lb_e820 *map, struct lb_range range, uint32_t type);
const char *lb_e820_type_text(uint32_t type);

// The second kernel's map: RAM below 1 MiB and `crash_ram` stay RAM, `crash` less
// crash_ram is reserved, every other RAM becomes reserved, all else stays as it was.
// `saved` is tidy; *map is filled and tidy.
int lb_e820_second(const struct lb_e820 *saved, struct lb_range crash, struct lb_range crash_ram,
		   struct lb_e820 *map, struct lb_error *err);

#endif
