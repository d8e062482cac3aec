// SPDX-License-Identifier: BSD-2-Clause
// The dead kernel's names of itself (struct new_utsname), as the header of a dump has them.
#ifndef LIFEBOAT_CRASH_DEAD_UTS_H
#define LIFEBOAT_CRASH_DEAD_UTS_H

#include "crash/dead/deadmem.h"

#define LB_UTS_BYTES 65

// Each NUL-terminated and not empty: libkdumpfile tells the machine by them, and only if all
// six are there.
struct lb_uts {
	char sysname[LB_UTS_BYTES], nodename[LB_UTS_BYTES], release[LB_UTS_BYTES];
	char version[LB_UTS_BYTES], machine[LB_UTS_BYTES], domainname[LB_UTS_BYTES];
};

// Reads the names from the dead kernel's memory, where that holds names with VMCOREINFO's OSRELEASE.
// Elsewhere fills in what is known without.
void lb_uts_read(const struct lb_deadspace *dead, struct lb_uts *ret_uts);

#endif
