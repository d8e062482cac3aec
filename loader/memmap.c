// SPDX-License-Identifier: BSD-2-Clause
#include "loader/memmap.h"

#include "loader/firmware.h"

#define SPARE_DESCRIPTORS 16 // the allocation for the map adds to the map
#define MAX_TRIES 8
#ifndef EFI_MEMORY_SP // not in gnu-efi; UEFI 2.10, 7.2.3
#define EFI_MEMORY_SP 0x40000ULL
#endif

static int get_map(EFI_MEMORY_DESCRIPTOR **ret_map, UINTN *ret_bytes, UINTN *ret_step, struct lb_error *err)
{
	EFI_STATUS status = EFI_SUCCESS;

	for (int tries = 0; tries < MAX_TRIES; tries++) {
		UINTN bytes = 0, key, step = 0;
		UINT32 version;
		void *map;

		BS->GetMemoryMap(&bytes, NULL, &key, &step, &version);
		bytes += SPARE_DESCRIPTORS * step;
		status = BS->AllocatePool(EfiLoaderData, bytes, &map);
		if (EFI_ERROR(status))
			break;
		status = BS->GetMemoryMap(&bytes, map, &key, &step, &version);
		if (!EFI_ERROR(status)) {
			*ret_map = map;
			*ret_bytes = bytes;
			*ret_step = step;
			return 0;
		}
		BS->FreePool(map);
		if (status != EFI_BUFFER_TOO_SMALL)
			break;
	}
	return lb_fail(err, "firmware: GetMemoryMap failed: %s", lb_status_text(status));
}

int lb_memmap_read(struct lb_memmap *map, struct lb_error *err)
{
	EFI_MEMORY_DESCRIPTOR *descriptors = NULL;
	UINTN bytes = 0, step = 1;
	void *ranges;

	if (get_map(&descriptors, &bytes, &step, err) != 0)
		return -1;
	map->count = (uint32_t)(bytes / step);
	if (EFI_ERROR(BS->AllocatePool(EfiLoaderData, map->count * sizeof(*map->ranges), &ranges))) {
		BS->FreePool(descriptors);
		return lb_fail(err, "firmware: no memory for %u memory-map entries", map->count);
	}
	map->ranges = ranges;
	for (uint32_t i = 0; i < map->count; i++) {
		const EFI_MEMORY_DESCRIPTOR *d =
			(const EFI_MEMORY_DESCRIPTOR *)((const uint8_t *)descriptors + i * step);

		map->ranges[i] = (struct lb_uefi_range){
			.phys = d->PhysicalStart,
			.pages = d->NumberOfPages,
			.attribute = d->Attribute,
			.type = d->Type,
		};
	}
	BS->FreePool(descriptors);
	return 0;
}

void lb_memmap_free(struct lb_memmap *map)
{
	if (map->ranges)
		BS->FreePool(map->ranges);
	*map = (struct lb_memmap){NULL, 0};
}

void lb_memmap_nosoftreserve(struct lb_memmap *map)
{
	for (uint32_t i = 0; i < map->count; i++)
		map->ranges[i].attribute &= ~EFI_MEMORY_SP;
}

bool lb_memmap_free_range(const struct lb_memmap *map, struct lb_range range)
{
	uint64_t covered = 0;

	for (uint32_t i = 0; i < map->count; i++) {
		struct lb_range part = {map->ranges[i].phys,
					map->ranges[i].phys + map->ranges[i].pages * LB_PAGE};

		if (map->ranges[i].type == EfiConventionalMemory)
			covered += lb_range_size(lb_range_intersect(part, range));
	}
	return covered == lb_range_size(range);
}
