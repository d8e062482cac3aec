// SPDX-License-Identifier: BSD-2-Clause
// The firmware's tables and a few helpers, for every file of the loader that calls the firmware. ST, BS and
// RT have gnu-efi's names and declarations; nothing of its library is used.
#ifndef LIFEBOAT_LOADER_FIRMWARE_H
#define LIFEBOAT_LOADER_FIRMWARE_H

#include <efi.h>

#include <efilib.h>
#include <stdbool.h>

extern EFI_HANDLE lb_image; // this program
extern EFI_GUID lb_vendor; // vendor GUID of each EFI variable of ours

// Called first in efi_main(): sets the globals.
void lb_firmware_init(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

// Gives the next step, one call of the firmware or one piece of a file, LB_STEP_SECONDS. When the firmware
// hangs in it, its own watchdog resets the machine. The boot manager gives a whole boot option as long
// (UEFI 2.10, 3.1.2).
#define LB_STEP_SECONDS 300
void lb_step_begin(void);
// Switches the watchdog off for good.
void lb_steps_end(void);
// Ends the steps. Whoever runs next has LB_STEP_SECONDS, as a boot option has.
void lb_steps_hand_over(void);
// Begins steps again. Whoever ran has come back, and may have switched the watchdog off.
void lb_steps_take_back(void);

// Returns `node`, or NULL where the path ends. An invalid length ends it, too.
static inline EFI_DEVICE_PATH *lb_path_node(EFI_DEVICE_PATH *node)
{
	return IsDevicePathEnd(node) || DevicePathNodeLength(node) < (int)sizeof(*node) ? NULL : node;
}

// Scope-exit cleanup: LB_CLEANUP(lb_pool_free) void *p = NULL;
#define LB_CLEANUP(function) __attribute__((cleanup(function)))

// `pointer` is the address of a pointer to pool memory or NULL.
static inline void lb_pool_free(void *pointer)
{
	void *memory = *(void **)pointer;

	if (memory)
		BS->FreePool(memory);
}

// Zeroed EfiLoaderData pool memory; NULL: there is none left.
void *lb_pool_alloc(UINTN bytes);

// "not found", "access denied", ... Never NULL.
const char *lb_status_text(EFI_STATUS status);

// The system configuration table of that name; NULL: none.
void *lb_config_table(const EFI_GUID *guid);

// Does the firmware start only signed programs? Judged as Linux's stub does (UEFI 2.10, 32.3). True where
// the firmware cannot say.
bool lb_secure_boot(void);

// Our own loaded image protocol.
EFI_LOADED_IMAGE *lb_own_image(void);

#endif
