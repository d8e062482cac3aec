// SPDX-License-Identifier: BSD-2-Clause
// One step of unwinding: from a function's registers to its caller's. Private to unwind.c.
#ifndef LIFEBOAT_CRASH_DEAD_UNWIND_STEP_H
#define LIFEBOAT_CRASH_DEAD_UNWIND_STEP_H

#include "crash/dead/orc.h"
#include "lifeboat/handoff.h"

struct lb_unwind_state {
	uint64_t ip, sp, bp;
	bool interrupted; // `ip` is of an instruction that was not finished; else of one to return to
	bool by_bp; // `bp` led here: 0 in it is the end of the chain, not any number
	bool has_registers; // all of them, as they were at `ip` or, below an iret frame, later
	struct lb_user_regs registers;
	uint64_t saved; // virtual, of the struct pt_regs that they were read from; 0: none
};

enum lb_unwind_move {
	LB_UNWIND_CALLER, // `state` is the caller's
	LB_UNWIND_INTERRUPTED, // `state` is of what was interrupted
	LB_UNWIND_USER, // and that is a program
	LB_UNWIND_OUTERMOST, // `state` stays: no one called
	LB_UNWIND_LOST, // `state` stays: the stack does not hold what it must, or the entry says nothing
};

// Steps by an ORC entry that applies at state->ip.
enum lb_unwind_move lb_unwind_by_orc(struct lb_deadmem *mem, const struct lb_orc_entry *entry,
				     struct lb_unwind_state *state);

// Steps by BP, which a kernel with frame pointers has pointing at the caller's, with the return address
// behind it; or, with its lowest bit set, at a struct pt_regs (ENCODE_FRAME_POINTER).
enum lb_unwind_move lb_unwind_by_bp(struct lb_deadmem *mem, struct lb_unwind_state *state);

#endif
