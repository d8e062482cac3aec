// SPDX-License-Identifier: BSD-2-Clause
// What the firmware lets be written and run while boot services are there: EFI_MEMORY_ATTRIBUTE_PROTOCOL
// (UEFI 2.10, 37.7). A firmware that has none protects no page by itself.
#ifndef LIFEBOAT_LOADER_MEMORY_ATTRIBUTES_H
#define LIFEBOAT_LOADER_MEMORY_ATTRIBUTES_H

#include <efi.h>

#include "lib/format.h"
#include "lifeboat/range.h"

// Both take page-aligned ranges, do nothing where there is no such protocol, and return what
// it says.

// To be written, not to be run: before code is copied there, and before the pages are freed, which
// a firmware may fill with a pattern.
EFI_STATUS lb_memory_attributes_data(struct lb_range range);
// To be run, not to be written.
EFI_STATUS lb_memory_attributes_code(struct lb_range range);

#endif
