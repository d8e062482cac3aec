// SPDX-License-Identifier: BSD-2-Clause
// Write and execute permissions of pages while boot services last: EFI_MEMORY_ATTRIBUTE_PROTOCOL (UEFI
// 2.10, 37.7). Firmware without it protects no page by itself.
#ifndef LIFEBOAT_LOADER_MEMORY_ATTRIBUTES_H
#define LIFEBOAT_LOADER_MEMORY_ATTRIBUTES_H

#include <efi.h>

#include "lib/format.h"
#include "lifeboat/range.h"

// Both functions take page-aligned ranges. They do nothing where the protocol is missing, and return its
// status.

// Makes pages writable and not executable: before code is copied to them, and before they are freed,
// because firmware may fill freed pages with a pattern.
EFI_STATUS lb_memory_attributes_data(struct lb_range range);
// Makes pages executable and not writable.
EFI_STATUS lb_memory_attributes_code(struct lb_range range);

#endif
