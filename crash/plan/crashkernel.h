// SPDX-License-Identifier: BSD-2-Clause
// Parses the values of crashkernel= words. Source: Documentation/admin-guide/kdump/kdump.rst.
#ifndef LIFEBOAT_CRASH_PLAN_CRASHKERNEL_H
#define LIFEBOAT_CRASH_PLAN_CRASHKERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format.h"

struct lb_crashkernel {
	bool automatic; // "auto": the size is computed
	uint64_t bytes; // else: the size; 0: none, by "0" or by a range list that gives this machine none
	uint64_t offset; // 0: anywhere
	bool high; // ",high" decided: from the top of memory down, above 4 GiB or not
	bool low_given; // ",low" said how much, beside ",high"
	uint64_t low_bytes; // of crash_low, should the region end up above 4 GiB; meaningful with low_given
};

// Parses `specs`: the values of all crashkernel= words, in their order, parted by blanks. A value is auto,
// SIZE[KMGTPE][@OFFSET], RANGE:SIZE[,RANGE:SIZE…][@OFFSET], SIZE,high SIZE,low or SIZE,cma.
//
// As in the kernel, the last value of each kind counts, and the others are not looked at. ",high", and ",low"
// with it, count only where no other form is there. Ranges are compared with `ram` bytes, rounded up to 128
// MiB. The kernel shares ",cma" memory with user space. Lifeboat has no memory to share, so ",cma" is added
// to a given size.
//
// An error points at the character. Some faults that the kernel overlooks are errors here: a number of more
// than 64 bits, and text behind the offset or behind the range that holds.
int lb_crashkernel_parse(const char *specs, uint64_t ram, struct lb_crashkernel *ret_crashkernel,
			 struct lb_error *err);

#endif
