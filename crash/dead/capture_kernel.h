// SPDX-License-Identifier: BSD-2-Clause
// Whether the dead kernel was a capture kernel itself, started by kdump to save the memory of one that
// died before it. Such a kernel was told to use little of RAM, and the rest is what it was to save.
#ifndef LIFEBOAT_CRASH_DEAD_CAPTURE_KERNEL_H
#define LIFEBOAT_CRASH_DEAD_CAPTURE_KERNEL_H

#include "crash/dead/deadmem.h"

// By `elfcorehdr_addr`, what elfcorehdr= set, where symbols can be looked up (is_kdump_kernel() in
// include/linux/crash_dump.h asks the same); else by the command line in the log. False also where
// neither can be read.
bool lb_was_capture_kernel(const struct lb_deadspace *dead);

#endif
