// SPDX-License-Identifier: BSD-2-Clause
// Backtraces of a dead kernel: from registers to the functions that led there, across the stacks of
// exceptions, interrupts and NMIs, down to the kernel's outermost function or a program.
//
// A step goes by the ORC tables of the kernel and its modules, as in the kernel's own unwinder (orc.h). Where
// an address has no ORC entry, a step goes by BP, if BP leads to return addresses, as in a kernel with frame
// pointers. Where neither leads on, the rest of the stack is scanned for return addresses, which may be of
// earlier calls. Everything read is hostile: the numbers of frames and of changes of stack are bounded, and
// on one stack each step but the last leads up.
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

// Opens an unwinder. Always succeeds: what the kernel does not have is not used. `symbols` and `modules` may
// be NULL. They must outlive `unwinder`, as must `mem`.
extern const char *const lb_unwind_symbols[]; // that lb_unwinder_open() asks for; NULL ends them
void lb_unwinder_open(struct lb_unwinder *unwinder, struct lb_deadmem *mem,
		      const struct lb_deadkernel *kernel, struct lb_symbols *symbols,
		      const struct lb_modules *modules);

// Begins a backtrace at a CPU's registers.
struct lb_unwind_start lb_unwind_from(const struct lb_user_regs *registers);

// Finds at most `max` frames, of which `start` is the first. Returns their number. unwinder->end says how the
// backtrace ended. Refills the budget of `mem`.
uint32_t lb_unwind(struct lb_unwinder *unwinder, const struct lb_unwind_start *start,
		   struct lb_frame *ret_frames, uint32_t max);

// A function of the kernel or of a module.
struct lb_function {
	char name[LB_SYMBOL_NAME_MAX]; // empty: not known, then `offset` is into the module's code
	const struct lb_module *module; // NULL: the kernel's
	uint64_t offset; // of the address from its start
	uint64_t bytes; // of the function; 0: not known
};

// Names the function of a frame. For a return address it is the function that called, even if the call was
// that function's last instruction. False when no function is known.
bool lb_unwind_function(struct lb_unwinder *unwinder, const struct lb_frame *frame,
			struct lb_function *ret_function);

// Returns the number of the frame that called panic(), of the latest panic() if there are several. 0 when no
// frame did.
uint32_t lb_unwind_below_panic(struct lb_unwinder *unwinder, const struct lb_frame *frames, uint32_t count);

#endif
