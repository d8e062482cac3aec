// SPDX-License-Identifier: BSD-2-Clause
// VMCOREINFO: the text in which a Linux kernel describes itself to whoever reads its memory.
// Lines of KEY=VALUE; Documentation/admin-guide/kdump/vmcoreinfo.rst. It is hostile like all
// that a dead kernel left.
#ifndef LIFEBOAT_CRASH_DEAD_VMCOREINFO_H
#define LIFEBOAT_CRASH_DEAD_VMCOREINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_VMCOREINFO_MAX 4096 // bytes of text: the kernel's own limit, VMCOREINFO_BYTES

struct lb_vmcoreinfo {
	const char *text; // `bytes` long, not NUL-terminated
	uint32_t bytes; // 0: there is none
};

// The number after `key`, which is a line's beginning up to and with its '='. The kernel writes
// SYMBOL() and KERNELOFFSET in base 16 (no 0x), SIZE(), OFFSET(), LENGTH() and NUMBER() in base
// 10 (may be negative). False, with nothing written, when there is no such line or no such number.
bool lb_vmcoreinfo_number(const struct lb_vmcoreinfo *info, const char *key, unsigned int base,
			  uint64_t *ret_number);
// The text after `key`, cut to `bytes` with its NUL; its length, 0 when there is none.
uint32_t lb_vmcoreinfo_text(const struct lb_vmcoreinfo *info, const char *key, char *ret_text,
			    uint32_t bytes);

// One number of a set that is needed as a whole, and where in a struct it goes: a uint64_t.
struct lb_vmcoreinfo_key {
	char key[48]; // as for lb_vmcoreinfo_number(); an array, which the purgatory can have, too
	unsigned int base;
	uint32_t at; // offsetof()
};
// Fills `values`; NULL, or the first key that VMCOREINFO lacks (the rest is undefined then).
const char *lb_vmcoreinfo_numbers(const struct lb_vmcoreinfo *info, const struct lb_vmcoreinfo_key *keys,
				  uint32_t count, void *values);

#endif
