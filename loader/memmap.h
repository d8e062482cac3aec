// SPDX-License-Identifier: BSD-2-Clause
// The firmware's memory map, read once, without its EFI types.
#ifndef LIFEBOAT_LOADER_MEMMAP_H
#define LIFEBOAT_LOADER_MEMMAP_H

#include <efi.h>

#include "crash/plan/e820_uefi.h"

struct lb_memmap {
	struct lb_uefi_range *ranges; // a pool allocation
	uint32_t count;
};

int lb_memmap_read(struct lb_memmap *map, struct lb_error *err);
void lb_memmap_free(struct lb_memmap *map);

// Makes specific-purpose memory ordinary RAM, as the kernel's efi=nosoftreserve does.
void lb_memmap_nosoftreserve(struct lb_memmap *map);

// Whether all of `range` is free (EfiConventionalMemory), however it is split into descriptors.
bool lb_memmap_free_range(const struct lb_memmap *map, struct lb_range range);

#endif
