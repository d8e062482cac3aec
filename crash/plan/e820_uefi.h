// SPDX-License-Identifier: BSD-2-Clause
// Turns the firmware's memory map into the kernel's. EFI types become e820 types as in setup_e820(),
// drivers/firmware/efi/libstub/x86-stub.c.
#ifndef LIFEBOAT_CRASH_PLAN_E820_UEFI_H
#define LIFEBOAT_CRASH_PLAN_E820_UEFI_H

#include "crash/plan/e820.h"

// One descriptor of the UEFI memory map, without its EFI type.
struct lb_uefi_range {
	uint64_t phys; // 4 KiB aligned
	uint64_t pages; // of 4 KiB
	uint64_t attribute; // EFI_MEMORY_*
	uint32_t type; // EFI_MEMORY_TYPE number
};

// The e820 type that the kernel's stub gives to a UEFI memory type. The stub makes holes
// of unknown and future types, unaccepted memory among them; here they are reserved, so that
// the second kernel puts nothing there. Of `attribute` EFI_MEMORY_SP matters (soft reserved).
uint32_t lb_e820_type_of_uefi(uint32_t type, uint64_t attribute);

// Builds a tidy table from a UEFI map of any order. Refuses a sealed table, and, naming its
// index, a descriptor that is not aligned or wraps. Passes over a descriptor without pages
// (Lenovo's ThinkPad W541 has such ones, and the kernel prunes them).
#define lb_e820_from_uefi(...) lb_e820_from_uefi_by(__func__, __VA_ARGS__)
int lb_e820_from_uefi_by(const char *caller, struct lb_e820 *map, const struct lb_uefi_range *ranges,
			 uint32_t count, struct lb_error *err);

#endif
