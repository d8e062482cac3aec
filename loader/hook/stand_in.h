// SPDX-License-Identifier: BSD-2-Clause
// The pointers to ResetSystem and UpdateCapsule in the firmware's table of runtime services:
// ours while the hook stands in, the firmware's otherwise. No allocation, no console.
#ifndef LIFEBOAT_LOADER_HOOK_STAND_IN_H
#define LIFEBOAT_LOADER_HOOK_STAND_IN_H

#include <efi.h>
#include <stdbool.h>

// Puts the hook in front of each service that it is not in front of, and computes the table's
// CRC anew. A table that has no UpdateCapsule gets none. Boot services only.
void lb_stand_in_install(EFI_SYSTEM_TABLE *system);

// Gives back each service whose pointer is still ours, CRC included. False: somebody put
// themselves in front of us, and goes on calling the hook. Boot services only.
bool lb_stand_in_remove(EFI_SYSTEM_TABLE *system);

// Makes what stood there before virtual; in the event of SetVirtualAddressMap(), which converts
// the table's own pointers and computes its CRC afterwards. A service that cannot be converted
// is the firmware's again, to be treated as it treats all of its own. False: ResetSystem was one.
bool lb_stand_in_convert(EFI_RUNTIME_SERVICES *runtime);

#endif
