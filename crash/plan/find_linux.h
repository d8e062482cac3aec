// SPDX-License-Identifier: BSD-2-Clause
// Which Linux leaves boot services: struct boot_params, among the memory that loaders have
// allocated, and the command line that belongs to it. Every EFI stub since 5.8 fills
// boot_params.efi_info before it calls ExitBootServices (drivers/firmware/efi/libstub/x86-stub.c,
// exit_boot_func()); GRUB's own loader has filled a part of it by then (grub-core/loader/i386/linux.c).
#ifndef LIFEBOAT_CRASH_PLAN_FIND_LINUX_H
#define LIFEBOAT_CRASH_PLAN_FIND_LINUX_H

#include <asm/bootparam.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lifeboat/range.h"

#define LB_MAX_LINUXES 4
// 4 GiB of loaders' memory. 100 000 pages took 15 ms in QEMU without KVM.
#define LB_FIND_MAX_PAGES (1U << 20)
// COMMAND_LINE_SIZE, arch/x86/include/asm/setup.h; of that one byte is the NUL.
#define LB_LINE_BYTES 2048

// The firmware's facts that boot_params are compared with.
struct lb_find_system {
	uint64_t table; // address of the EFI system table
	uint32_t descriptor_bytes; // of its memory map's entries
};

struct lb_found_linux {
	struct boot_params *params;
	const char *line; // NUL-terminated, shorter than LB_LINE_BYTES
	uint64_t pointer; // the line's address in `params`, now or later
};

// Zeroed by the caller.
struct lb_found_linuxes {
	struct lb_found_linux list[LB_MAX_LINUXES];
	uint32_t count;
	bool unclear; // a Linux has no line that can be told, there are more, or memory is too large
};

// Looks into each page of `ranges`, which are whole pages that may be read at their physical
// addresses. A line that is not wholly inside one of them is none. Writes nothing.
void lb_find_linux(const struct lb_find_system *system, const struct lb_range *ranges, uint32_t count,
		   struct lb_found_linuxes *found);

// Returns the line's address in `params`.
uint64_t lb_line_pointer(const struct boot_params *params);

#endif
