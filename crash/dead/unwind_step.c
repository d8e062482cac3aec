// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/unwind_step.h"

#include "lib/mem.h"

// struct pt_regs is the beginning of user_regs_struct.
#define PT_REGS_BYTES offsetof(struct lb_user_regs, fs_base)
// The greatest distance from a frame to the next one on the same stack: the size of the largest stack, with
// KASAN.
#define STACK_MAX (32 * LB_KIB)

struct iret_frame {
	uint64_t ip, cs, flags, sp, ss;
};

// The value of the register that an entry begins at.
static bool base_value(const struct lb_unwind_state *state, enum lb_orc_reg reg, uint64_t *ret_value)
{
	const struct lb_user_regs *registers = &state->registers;

	switch (reg) {
	case LB_ORC_SP:
	case LB_ORC_SP_INDIRECT:
		*ret_value = state->sp;
		return true;
	case LB_ORC_BP:
	case LB_ORC_BP_INDIRECT:
		*ret_value = state->bp;
		return true;
	case LB_ORC_AX:
		*ret_value = registers->rax;
		return state->has_registers;
	case LB_ORC_DX:
		*ret_value = registers->rdx;
		return state->has_registers;
	case LB_ORC_DI:
		*ret_value = registers->rdi;
		return state->has_registers;
	case LB_ORC_R10:
		*ret_value = registers->r10;
		return state->has_registers;
	case LB_ORC_R13:
		*ret_value = registers->r13;
		return state->has_registers;
	default:
		return false;
	}
}

static bool find_cfa(struct lb_deadmem *mem, const struct lb_orc_entry *entry,
		     const struct lb_unwind_state *state, uint64_t *ret_cfa)
{
	const uint64_t offset = (uint64_t)(int64_t)entry->cfa_offset;
	uint64_t base;

	if (!base_value(state, entry->cfa_reg, &base))
		return false;
	if (entry->cfa_reg == LB_ORC_BP_INDIRECT)
		return lb_deadmem_u64(mem, base + offset, ret_cfa);
	if (entry->cfa_reg == LB_ORC_SP_INDIRECT && !lb_deadmem_u64(mem, base, &base))
		return false;
	*ret_cfa = base + offset;
	return true;
}

// The caller's BP; what the entry does not mention is as it was.
static bool find_bp(struct lb_deadmem *mem, const struct lb_orc_entry *entry, uint64_t cfa, uint64_t *bp)
{
	const uint64_t offset = (uint64_t)(int64_t)entry->bp_offset;

	switch (entry->bp_reg) {
	case LB_ORC_NONE:
		return true;
	case LB_ORC_PREV_SP:
		return lb_deadmem_u64(mem, cfa + offset, bp);
	case LB_ORC_BP:
		return lb_deadmem_u64(mem, *bp + offset, bp);
	default:
		return false;
	}
}

static enum lb_unwind_move interrupted(struct lb_unwind_state *state, uint64_t cs)
{
	state->interrupted = true;
	return (cs & 3) == 3 ? LB_UNWIND_USER : LB_UNWIND_INTERRUPTED;
}

// Goes on from the struct pt_regs at `at`.
static enum lb_unwind_move by_registers(struct lb_deadmem *mem, uint64_t at, struct lb_unwind_state *state)
{
	struct lb_user_regs registers = {0};

	if (!lb_deadmem_copy(mem, at, &registers, PT_REGS_BYTES))
		return LB_UNWIND_LOST;
	*state = (struct lb_unwind_state){.ip = registers.rip,
					  .sp = registers.rsp,
					  .bp = registers.rbp,
					  .has_registers = true,
					  .registers = registers,
					  .saved = at};
	return interrupted(state, registers.cs);
}

static enum lb_unwind_move by_iret_frame(struct lb_deadmem *mem, uint64_t at, struct lb_unwind_state *state)
{
	struct iret_frame frame;

	if (!lb_deadmem_copy(mem, at, &frame, sizeof(frame)))
		return LB_UNWIND_LOST;
	state->ip = frame.ip;
	state->sp = frame.sp;
	state->by_bp = false;
	state->saved = 0;
	return interrupted(state, frame.cs);
}

static enum lb_unwind_move by_return_address(struct lb_deadmem *mem, uint64_t cfa, uint64_t bp,
					     struct lb_unwind_state *state)
{
	uint64_t ip;

	if (!lb_deadmem_u64(mem, cfa - sizeof(ip), &ip))
		return LB_UNWIND_LOST;
	state->ip = ip;
	state->sp = cfa;
	state->bp = bp;
	state->interrupted = state->by_bp = state->has_registers = false;
	state->saved = 0;
	return LB_UNWIND_CALLER;
}

enum lb_unwind_move lb_unwind_by_orc(struct lb_deadmem *mem, const struct lb_orc_entry *entry,
				     struct lb_unwind_state *state)
{
	uint64_t cfa, bp = state->bp;

	if (entry->type == LB_ORC_END)
		return LB_UNWIND_OUTERMOST;
	if (entry->type == LB_ORC_UNDEFINED || !find_cfa(mem, entry, state, &cfa) ||
	    !find_bp(mem, entry, cfa, &bp))
		return LB_UNWIND_LOST;
	switch (entry->type) {
	case LB_ORC_REGS:
		return by_registers(mem, cfa, state);
	case LB_ORC_IRET:
		state->bp = bp;
		return by_iret_frame(mem, cfa, state);
	default:
		return by_return_address(mem, cfa, bp, state);
	}
}

enum lb_unwind_move lb_unwind_by_bp(struct lb_deadmem *mem, struct lb_unwind_state *state)
{
	const uint64_t at = state->bp & ~1ULL;
	enum lb_unwind_move moved;
	uint64_t bp;

	if (state->bp == 0 && state->by_bp)
		return LB_UNWIND_OUTERMOST;
	if (!lb_aligned(at, sizeof(bp)) || at < state->sp || at - state->sp >= STACK_MAX)
		return LB_UNWIND_LOST;
	if (state->bp & 1)
		return by_registers(mem, at, state);
	if (!lb_deadmem_u64(mem, at, &bp))
		return LB_UNWIND_LOST;
	moved = by_return_address(mem, at + 2 * sizeof(bp), bp, state);
	state->by_bp = moved == LB_UNWIND_CALLER;
	return moved;
}
