// SPDX-License-Identifier: BSD-2-Clause
// Whether the dead kernel was a capture kernel itself, started by kdump to save the memory of one that
// died before it. A capture kernel is told to use little of RAM. The rest is the memory that it is to save.
#ifndef LIFEBOAT_CRASH_DEAD_CAPTURE_KERNEL_H
#define LIFEBOAT_CRASH_DEAD_CAPTURE_KERNEL_H

#include "crash/dead/deadmem.h"

// Was the dead kernel a capture kernel? Where symbols can be looked up, the variable `elfcorehdr_addr` tells,
// which elfcorehdr= sets (as in is_kdump_kernel(), include/linux/crash_dump.h). Elsewhere the command line in
// the log tells. False also where neither can be read.
bool lb_was_capture_kernel(const struct lb_deadspace *dead);

// Finds the physical address of the ELF core header that elfcorehdr= named. Only symbols tell:
// elfcorehdr_addr or, where that kernel has read the header, the variable that holds the command line. False:
// kdump did not start the kernel, or that cannot be told.
bool lb_capture_kernel_header(const struct lb_deadspace *dead, uint64_t *ret_phys);

#endif
