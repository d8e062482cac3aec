// SPDX-License-Identifier: BSD-2-Clause
// Test only: device paths, and files on the volume that a program was loaded from.
#ifndef LIFEBOAT_TESTS_VM_EFI_BESIDE_H
#define LIFEBOAT_TESTS_VM_EFI_BESIDE_H

#include <efi.h>
#include <stdbool.h>

#define BESIDE_ROOM 1024

// Writes the whole path of `name`, "\\file" on `device`, to `room`; returns its bytes, or 0 if there is none
// or it is too long.
UINTN beside_path(EFI_BOOT_SERVICES *bs, EFI_HANDLE device, const CHAR16 *name, UINT8 room[BESIDE_ROOM]);

// Writes `text` with its NUL over the file's beginning. Makes the file if there is none.
bool beside_put(EFI_FILE_IO_INTERFACE *volume, CHAR16 *path, const char *text);
// Reads the file's first bytes; returns their number, or 0 if there is no file.
UINTN beside_get(EFI_FILE_IO_INTERFACE *volume, CHAR16 *path, char text[BESIDE_ROOM]);
void beside_delete(EFI_FILE_IO_INTERFACE *volume, CHAR16 *path);

#endif
