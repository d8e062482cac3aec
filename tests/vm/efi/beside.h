// SPDX-License-Identifier: BSD-2-Clause
// Test only: device paths of files on the volume that a program came from.
#ifndef LIFEBOAT_TESTS_VM_EFI_BESIDE_H
#define LIFEBOAT_TESTS_VM_EFI_BESIDE_H

#include <efi.h>
#include <stdbool.h>

#define BESIDE_ROOM 1024

// The whole path of `name`, a "\\file" on `device`: its bytes, in `room`. 0: it has none, or it is too long.
UINTN beside_path(EFI_BOOT_SERVICES *bs, EFI_HANDLE device, const CHAR16 *name, UINT8 room[BESIDE_ROOM]);

// Writes `text` over the file's beginning, its NUL, too; makes the file where there is none.
bool beside_put(EFI_FILE_IO_INTERFACE *volume, CHAR16 *path, const char *text);
// The file's first bytes; how many. 0: there is none.
UINTN beside_get(EFI_FILE_IO_INTERFACE *volume, CHAR16 *path, char text[BESIDE_ROOM]);
void beside_delete(EFI_FILE_IO_INTERFACE *volume, CHAR16 *path);

#endif
