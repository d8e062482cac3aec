// SPDX-License-Identifier: BSD-2-Clause
// Finds VMCOREINFO in RAM: the note of the kernel that the page tables map.
#ifndef LIFEBOAT_CRASH_DEAD_VMCOREINFO_FIND_H
#define LIFEBOAT_CRASH_DEAD_VMCOREINFO_FIND_H

#include "crash/dead/facts.h"

// Elf64_Nhdr and the name "VMCOREINFO" with its NUL, padded to 4.
#define LB_VMCOREINFO_TEXT 24 // where in the note its text begins

// Finds the note of the kernel whose text and page_offset are known. Fills
// has_vmcoreinfo, vmcoreinfo_*, space.vmcoreinfo and, from the note, kaslr_offset.
// `text`, of LB_VMCOREINFO_MAX bytes, takes the note's; space.vmcoreinfo points there.
void lb_vmcoreinfo_find(struct lb_deadmem *mem, char *text, struct lb_deadkernel *kernel);

#endif
