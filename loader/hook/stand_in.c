// SPDX-License-Identifier: BSD-2-Clause
#include "loader/hook/stand_in.h"

#include <stddef.h>

#include "loader/hook/state.h"

EFI_RESET_SYSTEM lb_hook_original;
EFI_UPDATE_CAPSULE lb_hook_original_capsule;

enum service { RESET, CAPSULE, SERVICES };

struct place {
	void **slot; // the pointer in the firmware's table
	void **original; // the pointer's value before
	void *ours;
};

static bool standing[SERVICES];

static struct place place_of(EFI_RUNTIME_SERVICES *runtime, enum service service)
{
	if (service == RESET)
		return (struct place){(void **)&runtime->ResetSystem, (void **)&lb_hook_original,
				      (void *)lb_hook_reset_system};
	return (struct place){(void **)&runtime->UpdateCapsule, (void **)&lb_hook_original_capsule,
			      (void *)lb_hook_update_capsule};
}

// UpdateCapsule is younger than the table of runtime services (UEFI 2.0).
static bool has(const EFI_RUNTIME_SERVICES *runtime, enum service service)
{
	return service == RESET ||
	       (runtime->Hdr.HeaderSize >= offsetof(EFI_RUNTIME_SERVICES, UpdateCapsule) + sizeof(void *) &&
		runtime->UpdateCapsule);
}

static void renew_crc(EFI_SYSTEM_TABLE *system)
{
	EFI_TABLE_HEADER *header = &system->RuntimeServices->Hdr;
	UINT32 crc = 0;

	header->CRC32 = 0;
	system->BootServices->CalculateCrc32(header, header->HeaderSize, &crc);
	header->CRC32 = crc;
}

void lb_stand_in_install(EFI_SYSTEM_TABLE *system)
{
	for (enum service service = RESET; service < SERVICES; service++) {
		struct place place = place_of(system->RuntimeServices, service);

		if (standing[service] || !has(system->RuntimeServices, service))
			continue;
		*place.original = *place.slot;
		*place.slot = place.ours;
		standing[service] = true;
	}
	renew_crc(system);
}

static bool give_back(const struct place *place)
{
	if (*place->slot != place->ours)
		return false;
	*place->slot = *place->original;
	return true;
}

bool lb_stand_in_remove(EFI_SYSTEM_TABLE *system)
{
	bool all = true;

	for (enum service service = RESET; service < SERVICES; service++) {
		struct place place = place_of(system->RuntimeServices, service);

		if (standing[service])
			standing[service] = !give_back(&place);
		if (standing[service])
			all = false;
	}
	renew_crc(system);
	return all;
}

bool lb_stand_in_convert(EFI_RUNTIME_SERVICES *runtime)
{
	bool reset = true;

	for (enum service service = RESET; service < SERVICES; service++) {
		struct place place = place_of(runtime, service);

		if (!standing[service] || !EFI_ERROR(runtime->ConvertPointer(0, place.original)))
			continue;
		give_back(&place);
		if (service == RESET)
			reset = false;
	}
	return reset;
}
