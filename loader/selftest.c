// SPDX-License-Identifier: BSD-2-Clause
#include "loader/selftest.h"

#include "loader/firmware.h"

// An event that ExitBootServices signals may change the map; the key is then asked for again (UEFI 2.10,
// 7.4.6).
#define TRIES 4
#define SPARE_BYTES 8192

// After an ExitBootServices that failed nothing may be allocated. So room for a map that has grown is
// allocated before.
static EFI_STATUS exit_boot_services(void)
{
	UINTN room = 0, key, descriptor_bytes;
	UINT32 descriptor_version;
	EFI_STATUS status;
	void *map;

	BS->GetMemoryMap(&room, NULL, &key, &descriptor_bytes, &descriptor_version); // returns the size
	room += SPARE_BYTES;
	map = lb_pool_alloc(room);
	if (!map)
		return EFI_OUT_OF_RESOURCES;
	for (int i = 0; i < TRIES; i++) {
		UINTN bytes = room;

		status = BS->GetMemoryMap(&bytes, map, &key, &descriptor_bytes, &descriptor_version);
		if (!EFI_ERROR(status))
			status = BS->ExitBootServices(lb_image, key);
		if (!EFI_ERROR(status))
			return status;
	}
	return status;
}

int lb_selftest_enter(struct lb_error *err)
{
	EFI_STATUS status = exit_boot_services();

	if (EFI_ERROR(status))
		return lb_fail(err, "--selftest: boot services cannot be left: %s", lb_status_text(status));
	RT->ResetSystem(EfiResetWarm, EFI_SUCCESS, 0, NULL);
	// Only a hook that is a pass-through gets here, on firmware that did not reset.
	for (;;)
		__asm__ volatile("cli\n\thlt");
}
