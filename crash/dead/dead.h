// SPDX-License-Identifier: BSD-2-Clause
// The dead kernel's memory and what VMCOREINFO says of it: what the log and the filter
// read through. Everything read is hostile: checked, bounded.
#ifndef LIFEBOAT_CRASH_DEAD_DEAD_H
#define LIFEBOAT_CRASH_DEAD_DEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lifeboat/physmem.h"

struct lb_dead {
	const struct lb_physmem *mem; // by physical address: RAM, or NULL
	const char *vmcoreinfo; // the note's text, `bytes` long, not NUL-terminated
	uint32_t vmcoreinfo_bytes;
	uint64_t cr3; // the panicking CPU's at the panic
	bool la57;
	unsigned int phys_bits;
};

// dead.c. The number after `key` (a line's beginning up to and with its '='); base 16
// (SYMBOL, KERNELOFFSET; no 0x) or 10 (SIZE, OFFSET, LENGTH, NUMBER; may be negative).
bool lb_dead_number(const struct lb_dead *dead, const char *key, unsigned int base, uint64_t *ret_number);
// The text after `key`, cut to `bytes` with its NUL; its length, 0 when there is none.
uint32_t lb_dead_text(const struct lb_dead *dead, const char *key, char *ret_text, uint32_t bytes);

// One number of a set that is needed as a whole, and where in a struct it goes: a uint64_t.
struct lb_dead_key {
	const char *key; // as for lb_dead_number()
	unsigned int base;
	uint32_t at; // offsetof()
};
// Fills `values`; NULL, or the first key that VMCOREINFO lacks (the rest is undefined then).
const char *lb_dead_numbers(const struct lb_dead *dead, const struct lb_dead_key *keys, uint32_t count,
			    void *values);

#endif
