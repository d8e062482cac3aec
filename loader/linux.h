// SPDX-License-Identifier: BSD-2-Clause
// The first kernel as a PE image: the firmware starts it through its own EFI stub, so that
// Secure Boot and TPM measurement work as ever. Its initrd comes over LoadFile2 at the
// vendor media path that the stub asks for (Linux 5.8 and later;
// drivers/firmware/efi/libstub/efi-stub-helper.c).
#ifndef LIFEBOAT_LOADER_LINUX_H
#define LIFEBOAT_LOADER_LINUX_H

#include "lib/format.h"
#include "loader/firmware.h"
#include "loader/plan.h"

struct lb_linux {
	EFI_HANDLE image;
	EFI_LOADED_IMAGE *loaded;
	CHAR16 *load_options; // pool, LB_MAX_CMDLINE units

	// The stub calls it; it stays where it is while registered.
	EFI_LOAD_FILE_PROTOCOL load_file;
	const struct lb_file *initrd; // the caller's
	EFI_HANDLE initrd_handle;
	void *taken_over; // LoadFile2 interface of somebody else, NULL: we made the handle
};

// Everything about the start that can fail. `initrd->data` may be NULL. *linux is
// zeroed before, and lb_linux_unload()ed after, whatever comes back.
EFI_STATUS lb_linux_load(const struct lb_file *kernel, const struct lb_file *initrd,
			 struct lb_linux *linux_image, struct lb_error *err);

// Starts it. Comes back only if the kernel's stub does, with its status.
EFI_STATUS lb_linux_start(struct lb_linux *linux_image, const char *cmdline);

// Unloads, takes the initrd back, gives a handle taken over back to its owner.
void lb_linux_unload(struct lb_linux *linux_image);

#endif
