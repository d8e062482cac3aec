// SPDX-License-Identifier: BSD-2-Clause
// Backtraces of a dead kernel: from registers to the functions that led there, across the stacks of
// exceptions, interrupts and NMIs, down to the kernel's outermost function or a program.
//
// By the kernel's ORC tables and its modules', as its own unwinder does (orc.h). Where an address
// has none, by BP, if it leads to return addresses, as in a kernel with frame pointers. Where
// neither leads on, the rest of the stack is scanned for return addresses, which may be of earlier
// calls. Everything read is hostile: the number of frames is bounded, and so is that of changes of
// stack, and on one stack a step leads up or it is the last.
#ifndef LIFEBOAT_CRASH_DEAD_UNWIND_H
#define LIFEBOAT_CRASH_DEAD_UNWIND_H

#include "crash/dead/modules.h"
#include "lifeboat/handoff.h"

#define LB_UNWIND_FRAMES_MAX 256U // of one backtrace, whatever the caller has room for

struct lb_frame {
	uint64_t ip;
	bool certain; // by ORC or BP; else found by scanning, and printed with a '?'
	bool interrupted; // an exception or interrupt came at `ip`; else `ip` is a return address
	bool user; // a program's, always the last
	bool other_stack; // it does not lie on the stack of the frame before it
	uint64_t registers; // virtual, of the struct pt_regs that `ip` is from; 0: none
};

// The beginning of a backtrace.
struct lb_unwind_start {
	uint64_t ip, sp, bp;
	const struct lb_user_regs *registers; // all of them, at an interrupted instruction; NULL: `ip` is a
		// return address, and the others are not known
};

enum lb_unwind_end {
	LB_UNWIND_WHOLE, // down to the outermost function or a program
	LB_UNWIND_FULL, // there is no room for more
	LB_UNWIND_BROKEN, // `why` says where; what a scan found follows
};

struct lb_unwinder {
	struct lb_deadmem *mem;
	struct lb_symbols *symbols; // NULL: none
	const struct lb_modules *modules; // NULL: none
	struct lb_range image;
	struct lb_range text, init_text; // virtual; empty: not known, then what can be executed is code
	bool has_orc;
	struct lb_orc orc;
	struct lb_orc_table table; // the kernel's own
	struct lb_error why_no_orc; // one sentence; empty with has_orc
	// Of the last backtrace.
	enum lb_unwind_end end;
	struct lb_error why;
};

// Always succeeds: what the kernel does not have is not used. `symbols` and `modules` may be NULL, and
// must outlive `unwinder` like `mem`.
extern const char *const lb_unwind_symbols[]; // that lb_unwinder_open() asks for; NULL ends them
void lb_unwinder_open(struct lb_unwinder *unwinder, struct lb_deadmem *mem,
		      const struct lb_deadkernel *kernel, struct lb_symbols *symbols,
		      const struct lb_modules *modules);

// The beginning by a CPU's registers.
struct lb_unwind_start lb_unwind_from(const struct lb_user_regs *registers);

// The frames from `start` on, which is the first; at most `max`. How many. unwinder->end says how it
// ended. Refills the budget of `mem`.
uint32_t lb_unwind(struct lb_unwinder *unwinder, const struct lb_unwind_start *start,
		   struct lb_frame *ret_frames, uint32_t max);

// A function of the kernel or of a module.
struct lb_function {
	char name[LB_SYMBOL_NAME_MAX]; // empty: not known, then `offset` is into the module's code
	const struct lb_module *module; // NULL: the kernel's
	uint64_t offset; // of the address from its start
	uint64_t bytes; // of the function; 0: not known
};

// The function of a frame: of a return address the one that called, even if the call was its very
// last instruction. False when it is not known at all.
bool lb_unwind_function(struct lb_unwinder *unwinder, const struct lb_frame *frame,
			struct lb_function *ret_function);

// The number of the first frame below panic(), the latest of several: its caller. 0 when there
// is none among the frames.
uint32_t lb_unwind_below_panic(struct lb_unwinder *unwinder, const struct lb_frame *frames, uint32_t count);

#endif
