// SPDX-License-Identifier: BSD-2-Clause
// The first kernel as an EFI program, started through its own EFI stub. The stub asks for its initrd over
// LoadFile2 at the vendor media path (Linux 5.8 and later; drivers/firmware/efi/libstub/efi-stub-helper.c).
#ifndef LIFEBOAT_LOADER_LINUX_H
#define LIFEBOAT_LOADER_LINUX_H

#include "lib/format.h"
#include "loader/firmware.h"
#include "loader/program.h"

struct lb_linux {
	struct lb_program program;

	// The stub calls it. It must not move while registered.
	EFI_LOAD_FILE_PROTOCOL load_file;
	const struct lb_file *initrd; // the caller's
	EFI_HANDLE initrd_handle;
	void *taken_over; // LoadFile2 interface of somebody else; NULL: the handle is ours
};

// Does everything about the start that can fail. `initrd->data` may be NULL. *linux is zeroed before the
// call, and lb_linux_unload()ed after it, whatever the call returns.
EFI_STATUS lb_linux_load(const struct lb_file *kernel, const struct lb_file *initrd,
			 struct lb_linux *linux_image, struct lb_error *err);

// Unloads the kernel, withdraws the initrd, and gives a handle that was taken over back to its owner.
void lb_linux_unload(struct lb_linux *linux_image);

#endif
