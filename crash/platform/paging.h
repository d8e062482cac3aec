// SPDX-License-Identifier: BSD-2-Clause
// Adds mappings to the crash page tables, in slots of the top-level table (512 GiB each) that the purgatory
// does not use:
//
//     0 to 127   identity, as the purgatory had it: crash memory, low 1 MiB, the hook
//   128 to 255   old RAM: virtual = physical + 64 TiB
//          256   device registers, uncached
//          257   windows into old RAM, 2 MiB for each CPU, if mapping all of it takes too much memory
//
// With 5-level paging these are slots of the table one level below the top.
#ifndef LIFEBOAT_CRASH_PLATFORM_PAGING_H
#define LIFEBOAT_CRASH_PLATFORM_PAGING_H

#include "crash/dead/ram.h"
#include "crash/platform/platform.h"
#include "lifeboat/capture_config.h"
#include "lifeboat/handoff.h"

#define LB_PAGING_OLD_BASE (64 * LB_TIB)

// Must be called first: lb_device_map() needs it. `handoff` is kept by reference.
void lb_paging_open(const struct lb_handoff *handoff);

// Makes lb_old_page() work for all of `ram` on CPUs 0 to capture->cpus - 1. `ram` is kept by reference. Page
// tables map old RAM if the heap has room for them beside CPUs and targets, else windows do. `how` gets a
// text for the console that says which.
int lb_paging_map_ram(const struct lb_ram *ram, const struct lb_capture_config *capture, char *how,
		      size_t how_bytes, struct lb_error *err);

#endif
