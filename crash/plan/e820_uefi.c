// SPDX-License-Identifier: BSD-2-Clause
#include "crash/plan/e820_uefi.h"

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
	if (lb_e820_check_open(caller, "fill from a UEFI map", map, err) != 0)
		return -1;
	map->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t type = lb_e820_type_of_uefi(ranges[i].type, ranges[i].attribute);
		struct lb_range range;

		if (check_descriptor(&ranges[i], i, &range, err) != 0)
			return -1;
		if (lb_range_empty(range))
			continue;
		// The stub joins descriptors that follow one another, of every type: what it
		// joins, the kernel no longer tells apart.
		if (lb_e820_append(map, range, type, err) != 0)
			return -1;
	}
	return lb_e820_tidy(map, err);
}
