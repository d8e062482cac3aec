// SPDX-License-Identifier: BSD-2-Clause
// The crashkernel= grammar (Documentation/admin-guide/kdump/kdump.rst), and the
// size that `auto` comes to.
#ifndef LIFEBOAT_CRASH_PLAN_CRASHKERNEL_H
#define LIFEBOAT_CRASH_PLAN_CRASHKERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"

struct lb_crashkernel {
	bool automatic; // "auto": the size is computed
	uint64_t bytes; // else: asked for; 0: none, by "0" or by a range list that gives this machine nothing
	uint64_t offset; // 0: anywhere
	bool high; // ",high" decided: from the top of memory down, above 4 GiB or not
	bool low_given; // ",low" said how much, beside ",high"
	uint64_t low_bytes; // of crash_low, should the region end up above 4 GiB; meaningful with low_given
};

// `specs` is what follows "crashkernel=", of each occurrence in their order, parted by
// blanks: auto, SIZE[KMGTPE][@OFFSET], RANGE:SIZE[,RANGE:SIZE…][@OFFSET] judged against
// `ram` bytes, SIZE,high SIZE,low and SIZE,cma. As in the kernel the last of each kind
// counts and the others are not looked at; ",high" and with it ",low" count only where
// no other form is there. Ranges are judged with `ram` rounded up to 128 MiB. ",cma",
// which the kernel shares with user space, is added to a size that was given: Lifeboat
// has no memory to share. Errors point at the character. Where the kernel overlooks
// something (a number of more than 64 bits, text behind the offset or behind the range
// that holds) it is an error here.
int lb_crashkernel_parse(const char *specs, uint64_t ram, struct lb_crashkernel *ret_crashkernel,
			 struct lb_error *err);

#endif
