// SPDX-License-Identifier: BSD-2-Clause
// The firmware's tables and a few helpers, for every file of the loader that calls it. ST, BS
// and RT have gnu-efi's names and declarations; nothing of its library is used.
#ifndef LIFEBOAT_LOADER_FIRMWARE_H
#define LIFEBOAT_LOADER_FIRMWARE_H

#include <efi.h>

#include <efilib.h>
#include <stdbool.h>

extern EFI_HANDLE lb_image; // this program
extern EFI_GUID lb_vendor; // of each EFI variable of ours

// First thing in efi_main(): the globals.
void lb_firmware_init(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

// Gives the next step, one call of the firmware or one piece of a file, LB_STEP_SECONDS: a
// firmware that hangs in it is then reset by its own watchdog. As long as the boot manager gives
// the whole of a boot option (UEFI 2.10, 3.1.2).
#define LB_STEP_SECONDS 300
void lb_step_begin(void);
// Switches the watchdog off for good: nothing is timed any more.
void lb_steps_end(void);
// The same, but whoever runs next has LB_STEP_SECONDS before them, as a boot option has.
void lb_steps_hand_over(void);
// Whoever ran has come back, and may have switched it off: what is undone now are steps again.
void lb_steps_take_back(void);

// `node`, or NULL where the path ends; a length that is none ends it, too.
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

// Zeroed EfiLoaderData pool memory, NULL when there is none.
void *lb_pool_alloc(UINTN bytes);

// "not found", "access denied", ... Never NULL.
const char *lb_status_text(EFI_STATUS status);

// The system configuration table of that name; NULL: none.
void *lb_config_table(const EFI_GUID *guid);

// Does the firmware start only what is signed? As Linux's stub judges it (UEFI 2.10, 32.3); yes where it cannot say.
bool lb_secure_boot(void);

// Our own loaded image protocol.
EFI_LOADED_IMAGE *lb_own_image(void);

#endif
