// SPDX-License-Identifier: BSD-2-Clause
// The second kernel: a Linux that the user brings, or the capture kernel in lifeboat.efi. The crash region
// is laid out and filled from struct lb_second_kernel for both.
#ifndef LIFEBOAT_LOADER_SECOND_KERNEL_H
#define LIFEBOAT_LOADER_SECOND_KERNEL_H

#include <stdbool.h>

#include "crash/plan/bzimage.h"
#include "loader/file.h"

struct lb_second_kernel {
	const char *name; // path, or "built-in"
	bool builtin;
	// The image in the boot protocol's terms. The built-in one has only the fields for its zero page
	// and its place.
	struct lb_bzimage image;
	uint64_t entry; // offset from the load address
	const struct lb_file *initrd; // data NULL: none
};

// Both files belong to the caller and outlive *ret_second_kernel.
int lb_second_kernel_linux(const struct lb_file *kernel, const struct lb_file *initrd,
			   struct lb_second_kernel *ret_second_kernel, struct lb_error *err);
int lb_second_kernel_builtin(struct lb_second_kernel *ret_second_kernel, struct lb_error *err);

#endif
