// SPDX-License-Identifier: BSD-2-Clause
// Writing the firmware's variables, by libefivar: EFIVARFS_PATH may name a folder in efivarfs' place.
#ifndef LIFEBOAT_TOOLS_CTL_NVRAM_H
#define LIFEBOAT_TOOLS_CTL_NVRAM_H

#include <efivar/efivar.h>

#include "lib/format.h"

#define NVRAM_ATTRIBUTES                                                                                     \
	(EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)
#define NVRAM_BYTES 4096U // of a value, at most
// The vendor GUID of Lifeboat's own variables (docs/handoff.md).
#define NVRAM_LIFEBOAT EFI_GUID(0x6b1f3c0e, 0x4d1a, 0x4c57, 0x9e0a, 0x5a, 0x0e, 0x3f, 0x2b, 0x7c, 0x11)

struct nvram_value {
	const void *data;
	size_t bytes; // 1 to NVRAM_BYTES
	uint32_t attributes;
};

// Fails where no variable can be written, without trying: efivarfs is not mounted.
int nvram_check(const char *name, struct lb_error *err);

int nvram_write(efi_guid_t guid, const char *name, const struct nvram_value *value, struct lb_error *err);
int nvram_delete(efi_guid_t guid, const char *name, struct lb_error *err);

#endif
