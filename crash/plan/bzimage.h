// SPDX-License-Identifier: BSD-2-Clause
// What a bzImage says of itself, checked field by field before anything is
// reserved. Source: Documentation/arch/x86/boot.rst; struct setup_header.
#ifndef LIFEBOAT_CRASH_PLAN_BZIMAGE_H
#define LIFEBOAT_CRASH_PLAN_BZIMAGE_H

#include <asm/bootparam.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/format.h"

struct lb_bzimage {
	struct setup_header header; // a copy
	const void *kernel; // the protected-mode part, inside the file
	size_t kernel_bytes;
	uint64_t init_size; // memory it needs from its load address on
	uint64_t alignment; // of the load address, at least 2 MiB
	uint64_t min_address; // it moves itself above this: pref_address
	uint32_t cmdline_max; // bytes of command line, without the NUL
	char release[64]; // "6.1.0-56-cloud-amd64", "" when it does not say
};

// Checks the whole file at `data`. `name` is the path, for messages. A UKI, an
// ELF vmlinux, a compressed or text file, a truncated image, one that is 32-bit
// only, not relocatable or older than protocol 2.12 each get a message of their
// own. Needs XLF_KERNEL_64. *ret_image is written only on success.
int lb_bzimage_parse(const char *name, const void *data, size_t bytes, struct lb_bzimage *ret_image,
		     struct lb_error *err);

#endif
