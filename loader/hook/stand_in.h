// SPDX-License-Identifier: BSD-2-Clause
// The pointers to ResetSystem and UpdateCapsule in the firmware's table of runtime services. They are ours
// while the hook stands in, and the firmware's otherwise. No allocation, no console.
#ifndef LIFEBOAT_LOADER_HOOK_STAND_IN_H
#define LIFEBOAT_LOADER_HOOK_STAND_IN_H

#include <efi.h>
#include <stdbool.h>

// Puts the hook in front of each service where it is not yet, and computes the table's CRC anew. A table
// without UpdateCapsule gets none. Boot services only.
void lb_stand_in_install(EFI_SYSTEM_TABLE *system);

// Gives back each service whose pointer is still ours, and computes the CRC anew. False: somebody else
// stands in front of us, and goes on calling the hook. Boot services only.
bool lb_stand_in_remove(EFI_SYSTEM_TABLE *system);

// Converts the original services' addresses to virtual ones. Called in the event of SetVirtualAddressMap(),
// which afterwards converts the table's own pointers and computes its CRC. A service that cannot be
// converted is given back to the firmware. False: ResetSystem was one.
bool lb_stand_in_convert(EFI_RUNTIME_SERVICES *runtime);

#endif
