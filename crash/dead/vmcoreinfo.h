// SPDX-License-Identifier: BSD-2-Clause
// VMCOREINFO: the note in which a Linux kernel describes itself to whoever reads
// its memory. Lines of KEY=VALUE; Documentation/admin-guide/kdump/vmcoreinfo.rst.
#ifndef LIFEBOAT_CRASH_DEAD_VMCOREINFO_H
#define LIFEBOAT_CRASH_DEAD_VMCOREINFO_H

#include "crash/dead/deadkernel.h"
#include "crash/dead/deadmem.h"

// Elf64_Nhdr and the name "VMCOREINFO" with its NUL, padded to 4.
#define LB_VMCOREINFO_TEXT 24 // where in the note its text begins

// Finds the note of the kernel whose text and page_offset are known. Fills
// has_vmcoreinfo, vmcoreinfo_* and, from the note, kaslr_offset.
void lb_vmcoreinfo_find(struct lb_deadmem *mem, struct lb_deadkernel *kernel);

// The number after `key`, which is a line's beginning up to and with its '='. The
// kernel writes SYMBOL() and KERNELOFFSET in hexadecimal (base 16, no 0x), NUMBER() as
// signed decimal (base 10). False when there is no such line or no such number.
bool lb_vmcoreinfo_number(const struct lb_physmem *mem, const struct lb_deadkernel *kernel, const char *key,
			  unsigned int base, uint64_t *ret_number);

// Copies up to LB_VMCOREINFO_MAX bytes of the note's text; how many there were.
uint32_t lb_vmcoreinfo_copy(const struct lb_physmem *mem, const struct lb_deadkernel *kernel, char *text);

#endif
