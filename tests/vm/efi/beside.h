// SPDX-License-Identifier: BSD-2-Clause
// Test only: device paths of files on the volume that a program came from.
#ifndef LIFEBOAT_TESTS_VM_EFI_BESIDE_H
#define LIFEBOAT_TESTS_VM_EFI_BESIDE_H

#include <efi.h>

#define BESIDE_ROOM 1024

// The whole path of `name`, a "\\file" on `device`: its bytes, in `room`. 0: it has none, or it is too long.
UINTN beside_path(EFI_BOOT_SERVICES *bs, EFI_HANDLE device, const CHAR16 *name, UINT8 room[BESIDE_ROOM]);

#endif
