// SPDX-License-Identifier: BSD-2-Clause
// The address of a symbol of the dead kernel, out of the kallsyms tables that
// VMCOREINFO lists since Linux 6.0.
//
// The tables (scripts/kallsyms.c, kernel/kallsyms.c), all in the kernel image:
//
//   kallsyms_num_syms      u32: how many symbols
//   kallsyms_names         per symbol: a length (one byte; two, the low seven bits
//                          first, when bit 7 of the first is set: since 6.1), then
//                          as many tokens of a byte; expanded they give one letter
//                          for the type, then the name
//   kallsyms_token_index   u16[256]: where in kallsyms_token_table a token's
//                          NUL-terminated text begins
//   kallsyms_offsets       s32 per symbol: with kallsyms_relative_base, an offset
//                          from that, or when negative its complement from the
//                          byte before it (until 6.14 or so an SMP kernel keeps
//                          positive ones for absolute symbols); without (7.x), an
//                          offset from the very word
#ifndef LIFEBOAT_CRASH_DEAD_KALLSYMS_H
#define LIFEBOAT_CRASH_DEAD_KALLSYMS_H

#include "crash/dead/facts.h"

#define LB_KALLSYMS_WANTED_MAX 8

struct lb_kallsyms_wanted {
	char name[24]; // an array: a pointer in a constant would be an absolute address
	uint64_t address; // 0: not found
};

// Looks up `count` (at most LB_KALLSYMS_WANTED_MAX) names in one pass over the
// tables. Only addresses inside the kernel image are returned; of several symbols
// of one name the first. How many were found.
uint32_t lb_kallsyms_find(struct lb_deadmem *mem, const struct lb_deadkernel *kernel,
			  struct lb_kallsyms_wanted *wanted, uint32_t count);

#endif
