// SPDX-License-Identifier: BSD-2-Clause
// How to get from an instruction of the dead kernel to its caller's stack: the ORC tables
// that objtool made (CONFIG_UNWINDER_ORC), of the kernel and of each module.
//
// Two tables in parallel, sorted by address: a signed 32-bit word, relative to itself, says
// where an entry begins to apply; the entry has six bytes:
//
//   s16 sp_offset, s16 bp_offset, bits sp_reg:4, bp_reg:4, then
//     until 6.3: type:2 (0 call, 1 registers, 2 iret frame), an `end` bit (6.3: two)
//     since 6.4: type:3 (0 none, 1 end, 2 call, 3 registers, 4 iret frame), signal:1
//
// Its numbers of registers changed, too:
//
//              0     1        2   3   4   5   6    7    8             9             10
//   until 6.12 none  prev_sp  DX  DI  BP  SP  R10  R13  BP indirect   SP indirect
//   7.x        none  AX       DX  SP  BP  DI  R10  R13  prev_sp       SP indirect   BP indirect
//
// Nothing in the image says which of them it has. The commonest numbers do: most
// instructions find their caller by SP and were called.
// Source: arch/x86/include/asm/orc_types.h, arch/x86/kernel/unwind_orc.c of 5.10 to 7.2.
#ifndef LIFEBOAT_CRASH_DEAD_ORC_H
#define LIFEBOAT_CRASH_DEAD_ORC_H

#include "crash/dead/deadmem.h"
#include "lib/format.h"

#define LB_ORC_ENTRIES_MAX (1U << 23) // of one table; Debian's kernels have 330 000 to 440 000

enum lb_orc_reg {
	LB_ORC_UNKNOWN,
	LB_ORC_NONE, // CFA: there is no caller; BP: unchanged
	LB_ORC_PREV_SP, // the CFA
	LB_ORC_AX,
	LB_ORC_DX,
	LB_ORC_DI,
	LB_ORC_BP,
	LB_ORC_SP,
	LB_ORC_R10,
	LB_ORC_R13,
	LB_ORC_BP_INDIRECT, // *(BP + offset)
	LB_ORC_SP_INDIRECT, // *SP + offset
};

enum lb_orc_type {
	LB_ORC_UNDEFINED, // nothing is known
	LB_ORC_END, // the outermost function
	LB_ORC_CALL, // the return address lies below the CFA
	LB_ORC_REGS, // a struct pt_regs lies at the CFA
	LB_ORC_IRET, // the five words that IRET takes lie at the CFA
};

// The entry for one address: the CFA (the caller's SP as it was before the call) is cfa_reg + cfa_offset;
// the caller's BP lies at bp_reg + bp_offset.
struct lb_orc_entry {
	enum lb_orc_type type;
	enum lb_orc_reg cfa_reg, bp_reg;
	int16_t cfa_offset, bp_offset;
};

// Virtual addresses.
struct lb_orc_table {
	uint64_t ips; // the words
	uint64_t entries;
	uint32_t count;
};

// The encoding that a kernel and its modules have in common.
struct lb_orc {
	bool has_types_of_6_4;
	bool has_registers_of_7;
};

// Tells the encoding by `table`, the kernel's own. Fails when the table is not sorted, cannot be
// read, or has numbers of no known generation.
int lb_orc_open(struct lb_orc *orc, struct lb_deadmem *mem, const struct lb_orc_table *table,
		struct lb_error *err);

// The entry that applies at `ip`. False when it cannot be read, or lies before the table's first.
// Behind its last function a table has entries that do not end: `ip` must be known to be code of
// the table's.
bool lb_orc_find(const struct lb_orc *orc, struct lb_deadmem *mem, const struct lb_orc_table *table,
		 uint64_t ip, struct lb_orc_entry *ret_entry);

#endif
