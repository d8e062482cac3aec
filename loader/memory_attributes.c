// SPDX-License-Identifier: BSD-2-Clause
#include "loader/memory_attributes.h"

#include "loader/firmware.h"

#define MEMORY_XP 0x4000ULL // EFI_MEMORY_XP, EFI_MEMORY_RO: UEFI 2.10, 7.2.3
#define MEMORY_RO 0x20000ULL

struct memory_attributes;
typedef EFI_STATUS(EFIAPI *change)(struct memory_attributes *this, EFI_PHYSICAL_ADDRESS start, UINT64 bytes,
				   UINT64 attributes);

struct memory_attributes {
	void *get;
	change set, clear;
};

// Sets before it clears: some firmware refuses pages that are writable and executable, if only for a
// moment.
static EFI_STATUS replace(struct lb_range range, UINT64 clear, UINT64 set)
{
	static EFI_GUID guid = {0xf4560cf6, 0x40ec, 0x4b4a, {0xa1, 0x92, 0xbf, 0x1d, 0x57, 0xd0, 0xb1, 0x89}};
	struct memory_attributes *protocol;
	void *interface = NULL;
	EFI_STATUS status;

	if (EFI_ERROR(BS->LocateProtocol(&guid, NULL, &interface)))
		return EFI_SUCCESS;
	protocol = interface;
	status = protocol->set(protocol, range.start, lb_range_size(range), set);
	return EFI_ERROR(status) ? status
				 : protocol->clear(protocol, range.start, lb_range_size(range), clear);
}

EFI_STATUS lb_memory_attributes_data(struct lb_range range)
{
	return replace(range, MEMORY_RO, MEMORY_XP);
}

EFI_STATUS lb_memory_attributes_code(struct lb_range range)
{
	return replace(range, MEMORY_XP, MEMORY_RO);
}
