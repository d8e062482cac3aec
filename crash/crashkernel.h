// SPDX-License-Identifier: BSD-2-Clause
// The crashkernel= grammar (Documentation/admin-guide/kdump/kdump.rst), and the
// size that `auto` comes to.
#ifndef LIFEBOAT_CRASH_CRASHKERNEL_H
#define LIFEBOAT_CRASH_CRASHKERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "crash/format.h"

struct lb_crashkernel {
	bool automatic; // "auto": the size is computed
	uint64_t bytes; // else: asked for; 0: none, by "0" or by a range list that gives this machine nothing
	uint64_t offset; // 0: anywhere
};

// `spec` is what follows "crashkernel=": auto, SIZE[KMGT][@OFFSET], or
// RANGE:SIZE[,RANGE:SIZE…][@OFFSET] judged against `ram` bytes. Forms not
// supported yet (,high ,low) are refused by name. Errors point at the character.
// Ranges are judged as the kernel does, `ram` rounded up to 128 MiB.
int lb_crashkernel_parse(const char *spec, uint64_t ram, struct lb_crashkernel *ret_crashkernel,
			 struct lb_error *err);

#endif
