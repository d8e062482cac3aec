// SPDX-License-Identifier: BSD-2-Clause
// The first kernel as an EFI program, started through its own EFI stub. Its initrd comes over LoadFile2 at the
// vendor media path that the stub asks for (Linux 5.8 and later;
// drivers/firmware/efi/libstub/efi-stub-helper.c).
#ifndef LIFEBOAT_LOADER_LINUX_H
#define LIFEBOAT_LOADER_LINUX_H

#include "lib/format.h"
#include "loader/firmware.h"
#include "loader/program.h"

struct lb_linux {
	struct lb_program program;

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

// Unloads, takes the initrd back, gives a handle taken over back to its owner.
void lb_linux_unload(struct lb_linux *linux_image);

#endif
