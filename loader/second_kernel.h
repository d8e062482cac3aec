// SPDX-License-Identifier: BSD-2-Clause
// What the second kernel is: a Linux the user brings, or the capture kernel in
// lifeboat.efi. Whatever it is, the region is laid out and filled from this.
#ifndef LIFEBOAT_LOADER_SECOND_KERNEL_H
#define LIFEBOAT_LOADER_SECOND_KERNEL_H

#include <stdbool.h>

#include "crash/plan/bzimage.h"

struct lb_file;

struct lb_second_kernel {
	const char *name; // path, or "built-in"
	bool builtin;
	// What loading takes, in the boot protocol's terms; of the built-in one only what its
	// zero page and its place are made from.
	struct lb_bzimage image;
	uint64_t entry; // from the load address
	const struct lb_file *initrd; // data NULL: none
};

// Both files are the caller's and stay referred to.
int lb_second_kernel_linux(const struct lb_file *kernel, const struct lb_file *initrd,
			   struct lb_second_kernel *ret_second_kernel, struct lb_error *err);
int lb_second_kernel_builtin(struct lb_second_kernel *ret_second_kernel, struct lb_error *err);

#endif
