// SPDX-License-Identifier: BSD-2-Clause
// What the loader left for this boot in the EFI variable Lifeboat-GUID: lines of KEY=VALUE (docs/handoff.md).
#ifndef LIFEBOAT_TOOLS_CTL_VARIABLE_H
#define LIFEBOAT_TOOLS_CTL_VARIABLE_H

#include <stdbool.h>

#include "tools/ctl/file.h"

#define EFI_FOLDER "/sys/firmware/efi"
#define EFIVARS_FOLDER EFI_FOLDER "/efivars"
#define VARIABLE_NAME "Lifeboat-6b1f3c0e-4d1a-4c57-9e0a-5a0e3f2b7c11"
#define VARIABLE_VALUE 1100U // bytes of a value, its NUL included; one said= is up to 1 KiB

enum variable_state {
	VARIABLE_FOUND,
	VARIABLE_ABSENT, // this boot did not go through Lifeboat
	VARIABLE_NO_EFIVARS, // efivarfs is not mounted
	VARIABLE_NO_EFI, // no UEFI started this system
};

// The text without the four bytes of attributes. *ret_text is the caller's to free where it was found.
enum variable_state variable_read(const char *root, struct content *ret_text);

// Value `number`, from 0, of `key`; false: there are not as many. What is not printable ASCII is '?'.
bool variable_value(const struct content *text, const char *key, unsigned int number,
		    char ret_value[VARIABLE_VALUE]);

#endif
