// SPDX-License-Identifier: BSD-2-Clause
// Whether the dead kernel was a capture kernel itself, started by kdump to save the memory of one that
// died before it. Such a kernel was told to use little of RAM, and the rest is what it was to save.
#ifndef LIFEBOAT_CRASH_DEAD_CAPTURE_KERNEL_H
#define LIFEBOAT_CRASH_DEAD_CAPTURE_KERNEL_H

#include "crash/dead/deadmem.h"

// Asks `elfcorehdr_addr`, which elfcorehdr= set, where symbols can be looked up (is_kdump_kernel() in
// include/linux/crash_dump.h asks the same); else the command line in the log. False also where neither can
// be read.
bool lb_was_capture_kernel(const struct lb_deadspace *dead);

// Finds the ELF core header that elfcorehdr= named: its physical address. By symbols only: elfcorehdr_addr
// or, where that kernel has read the header, its command line. False: the kernel was none that kdump
// started, or that cannot be told.
bool lb_capture_kernel_header(const struct lb_deadspace *dead, uint64_t *ret_phys);

#endif
