// SPDX-License-Identifier: BSD-2-Clause
#include "crash/dead/unwind.h"

#include "crash/dead/unwind_step.h"
#include "lib/mem.h"
#include "lifeboat/x86.h"

#define STACK_BYTES (16 * LB_KIB) // THREAD_SIZE; stacks are aligned to it
#define STEP_MAX (32 * LB_KIB) // a caller's frame lies no further up on its stack
#define STACKS_MAX 8U // task, interrupt, and one for each kind of exception
// The end of the area of modules, BPF programs and trampolines, which begins above the image.
// Documentation/arch/x86/x86_64/mm.rst.
#define AREA_END 0xffffffffff000000ULL

static bool holds(struct lb_range range, uint64_t address)
{
	return address >= range.start && address < range.end;
}

static void find_text(struct lb_unwinder *unwinder, const struct lb_symbol_wanted *ends)
{
	if (ends[0].address < ends[1].address)
		unwinder->text = (struct lb_range){ends[0].address, ends[1].address};
	if (ends[2].address < ends[3].address)
		unwinder->init_text = (struct lb_range){ends[2].address, ends[3].address};
}

static void find_orc(struct lb_unwinder *unwinder, const struct lb_symbol_wanted *ends)
{
	struct lb_error *why = &unwinder->why_no_orc;
	uint64_t count;

	if (!ends[0].address || !ends[1].address || !ends[2].address) {
		(void)lb_fail(why,
			      "kallsyms has no symbols of an ORC table: the kernel was built without one, or "
			      "without CONFIG_KALLSYMS_ALL");
		return;
	}
	if (ends[1].address < ends[0].address) {
		(void)lb_fail(why, "the kernel's ORC table ends at 0x%lx, before its beginning 0x%lx",
			      ends[1].address, ends[0].address);
		return;
	}
	count = (ends[1].address - ends[0].address) / 4;
	unwinder->table = (struct lb_orc_table){ends[0].address, ends[2].address,
						count < UINT32_MAX ? (uint32_t)count : UINT32_MAX};
	unwinder->has_orc = lb_orc_open(&unwinder->orc, unwinder->mem, &unwinder->table, why) == 0;
}

#define SYMBOLS 7U
const char *const lb_unwind_symbols[] = {"_stext",
					 "_etext",
					 "_sinittext",
					 "_einittext",
					 "__start_orc_unwind_ip",
					 "__stop_orc_unwind_ip",
					 "__start_orc_unwind",
					 NULL};
_Static_assert(sizeof(lb_unwind_symbols) / sizeof(lb_unwind_symbols[0]) == SYMBOLS + 1, "all, and NULL");

void lb_unwinder_open(struct lb_unwinder *unwinder, struct lb_deadmem *mem,
		      const struct lb_deadkernel *kernel, struct lb_symbols *symbols,
		      const struct lb_modules *modules)
{
	struct lb_symbol_wanted wanted[SYMBOLS];

	*unwinder = (struct lb_unwinder){
		.mem = mem,
		.symbols = symbols,
		.modules = modules,
		.image = {kernel->text_virt, kernel->text_virt + kernel->image_bytes},
	};
	for (uint32_t i = 0; i < SYMBOLS; i++)
		wanted[i] = (struct lb_symbol_wanted){.name = lb_unwind_symbols[i]};
	if (symbols)
		lb_symbols_find(symbols, wanted, SYMBOLS);
	find_text(unwinder, wanted);
	find_orc(unwinder, wanted + 4);
}

struct lb_unwind_start lb_unwind_from(const struct lb_user_regs *registers)
{
	return (struct lb_unwind_start){registers->rip, registers->rsp, registers->rbp, registers};
}

static bool is_executable(struct lb_unwinder *unwinder, uint64_t address)
{
	uint64_t room;

	return lb_deadmem_at(unwinder->mem, address, &room) && !(unwinder->mem->leaf_flags & X86_PTE_NX);
}

static bool is_kernel_text(struct lb_unwinder *unwinder, uint64_t address)
{
	if (lb_range_empty(unwinder->text))
		return holds(unwinder->image, address) && is_executable(unwinder, address);
	return holds(unwinder->text, address) || holds(unwinder->init_text, address);
}

static bool is_text(struct lb_unwinder *unwinder, uint64_t address)
{
	return is_kernel_text(unwinder, address) ||
	       (address >= unwinder->image.end && address < AREA_END && is_executable(unwinder, address));
}

// Do the bytes before `address` end with a call? E8 with its 32-bit distance, or FF /2 with the
// lengths that its operand can have, a prefix apart (SDM 2A, CALL).
static bool follows_call(struct lb_unwinder *unwinder, uint64_t address)
{
	static const uint8_t lengths[] = {2, 3, 4, 6, 7};
	uint8_t bytes[7];

	if (!is_text(unwinder, address - 1) ||
	    !lb_deadmem_copy(unwinder->mem, address - sizeof(bytes), bytes, sizeof(bytes)))
		return false;
	if (bytes[2] == 0xe8)
		return true;
	for (uint32_t i = 0; i < sizeof(lengths); i++) {
		const uint8_t *call = bytes + sizeof(bytes) - lengths[i];

		if (call[0] == 0xff && (call[1] >> 3 & 7) == 2)
			return true;
	}
	return false;
}

// The address by which a frame's ORC entry and name are looked up. For a return address it lies in the call.
static uint64_t looked_up(uint64_t ip, bool interrupted)
{
	return interrupted ? ip : ip - 1;
}

static bool find_entry(struct lb_unwinder *unwinder, uint64_t address, struct lb_orc_entry *ret_entry)
{
	const struct lb_orc_table *table = NULL;
	const struct lb_module *module;

	if (!unwinder->has_orc)
		return false;
	if (is_kernel_text(unwinder, address)) {
		table = &unwinder->table;
	} else if (unwinder->modules) {
		module = lb_modules_at(unwinder->modules, address);
		table = module ? &module->orc : NULL;
	}
	return table && lb_orc_find(&unwinder->orc, unwinder->mem, table, address, ret_entry) &&
	       ret_entry->type != LB_ORC_UNDEFINED;
}

// A call through a bad pointer has just pushed its return address.
static enum lb_unwind_move by_bad_call(struct lb_unwinder *unwinder, struct lb_unwind_state *state)
{
	static const struct lb_orc_entry pushed = {
		.type = LB_ORC_CALL, .cfa_reg = LB_ORC_SP, .bp_reg = LB_ORC_NONE, .cfa_offset = 8};

	return lb_unwind_by_orc(unwinder->mem, &pushed, state);
}

// Makes one step. A return address that BP leads to must follow a call. A return address that an ORC entry
// leads to need not: that of a CPU's first function does not.
static enum lb_unwind_move move(struct lb_unwinder *unwinder, struct lb_unwind_state *state)
{
	struct lb_orc_entry entry;
	enum lb_unwind_move moved;

	if (find_entry(unwinder, looked_up(state->ip, state->interrupted), &entry)) {
		moved = lb_unwind_by_orc(unwinder->mem, &entry, state);
		return moved == LB_UNWIND_CALLER && !is_text(unwinder, state->ip) ? LB_UNWIND_LOST : moved;
	}
	if (state->interrupted && !is_text(unwinder, state->ip)) {
		moved = by_bad_call(unwinder, state);
		return moved == LB_UNWIND_CALLER && !is_text(unwinder, state->ip) ? LB_UNWIND_LOST : moved;
	}
	moved = lb_unwind_by_bp(unwinder->mem, state);
	return moved == LB_UNWIND_CALLER && !follows_call(unwinder, state->ip) ? LB_UNWIND_LOST : moved;
}

static int lost(struct lb_unwinder *unwinder, const struct lb_unwind_state *state, const char *what)
{
	unwinder->end = LB_UNWIND_BROKEN;
	return lb_fail(&unwinder->why, "the stack at 0x%lx of the code at 0x%lx: %s", state->sp, state->ip,
		       what);
}

// Makes one step, of which the stack must make sense. 0: there is a further frame.
static int step(struct lb_unwinder *unwinder, struct lb_unwind_state *state, uint32_t *stacks,
		struct lb_frame *ret_frame)
{
	struct lb_unwind_state next = *state;
	enum lb_unwind_move moved = move(unwinder, &next);
	bool user = moved == LB_UNWIND_USER;
	bool other_stack = !user && (next.sp <= state->sp || next.sp - state->sp > STEP_MAX);

	if (moved == LB_UNWIND_OUTERMOST)
		return -1;
	if (moved == LB_UNWIND_LOST)
		return lost(unwinder, state, "no return address where one must be");
	if (other_stack && (*stacks)++ == STACKS_MAX)
		return lost(unwinder, state, "more stacks than a CPU has");
	*ret_frame = (struct lb_frame){.ip = next.ip,
				       .certain = true,
				       .interrupted = next.interrupted,
				       .user = user,
				       .other_stack = other_stack,
				       .registers = next.saved};
	*state = next;
	return 0;
}

// Takes all that looks like a return address from `sp` on to the stack's end.
static uint32_t scan(struct lb_unwinder *unwinder, uint64_t sp, struct lb_frame *ret_frames, uint32_t max)
{
	const uint64_t end = lb_align_down(sp, STACK_BYTES) + STACK_BYTES;
	uint32_t count = 0;

	for (uint64_t at = lb_align_up(sp, 8); at < end && count < max; at += 8) {
		uint64_t word;

		if (!lb_deadmem_u64(unwinder->mem, at, &word))
			break;
		if (is_text(unwinder, word) && follows_call(unwinder, word))
			ret_frames[count++] = (struct lb_frame){.ip = word};
	}
	return count;
}

uint32_t lb_unwind(struct lb_unwinder *unwinder, const struct lb_unwind_start *start,
		   struct lb_frame *ret_frames, uint32_t max)
{
	struct lb_unwind_state state = {
		.ip = start->ip, .sp = start->sp, .bp = start->bp, .interrupted = start->registers != NULL};
	uint32_t count = 1, stacks = 0;

	lb_deadmem_refill(unwinder->mem);
	unwinder->end = LB_UNWIND_WHOLE;
	unwinder->why.text[0] = '\0';
	if (max == 0)
		return 0;
	if (max > LB_UNWIND_FRAMES_MAX)
		max = LB_UNWIND_FRAMES_MAX;
	if (start->registers) {
		state.has_registers = true;
		state.registers = *start->registers;
	}
	ret_frames[0] = (struct lb_frame){.ip = state.ip,
					  .certain = true,
					  .interrupted = state.interrupted,
					  .user = start->registers && (start->registers->cs & 3) == 3};
	while (!ret_frames[count - 1].user) {
		if (count == max) {
			unwinder->end = LB_UNWIND_FULL;
			break;
		}
		if (step(unwinder, &state, &stacks, &ret_frames[count]) != 0)
			break;
		count++;
	}
	if (unwinder->end == LB_UNWIND_BROKEN)
		count += scan(unwinder, state.sp, ret_frames + count, max - count);
	return count;
}

static bool name_in_module(struct lb_unwinder *unwinder, uint64_t address, struct lb_function *function)
{
	const struct lb_module *module = lb_modules_at(unwinder->modules, address);
	struct lb_symbol_name name;

	if (!module)
		return false;
	function->module = module;
	if (lb_module_symbol(unwinder->modules, module, address, &name)) {
		memcpy(function->name, name.name, sizeof(function->name));
		function->offset = address - name.start;
		function->bytes = name.bytes;
	} else {
		function->offset =
			address - (holds(module->text, address) ? module->text : module->init_text).start;
	}
	return true;
}

bool lb_unwind_function(struct lb_unwinder *unwinder, const struct lb_frame *frame,
			struct lb_function *ret_function)
{
	const uint64_t address = looked_up(frame->ip, frame->interrupted);
	struct lb_function function = {.name = ""};
	struct lb_symbol_name name;

	if (frame->user)
		return false;
	lb_deadmem_refill(unwinder->mem);
	if (unwinder->symbols && is_kernel_text(unwinder, address) &&
	    lb_symbols_name(unwinder->symbols, address, &name)) {
		memcpy(function.name, name.name, sizeof(function.name));
		function.offset = address - name.start;
		function.bytes = name.bytes;
	} else if (!unwinder->modules || !name_in_module(unwinder, address, &function)) {
		return false;
	}
	function.offset += frame->ip - address;
	*ret_function = function;
	return true;
}

// panic() is a wrapper of vpanic() since 6.17.
static bool is_panic(const struct lb_function *function)
{
	return !function->module &&
	       (lb_strcmp(function->name, "panic") == 0 || lb_strcmp(function->name, "vpanic") == 0);
}

uint32_t lb_unwind_below_panic(struct lb_unwinder *unwinder, const struct lb_frame *frames, uint32_t count)
{
	uint32_t below = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct lb_function function;
		bool panics = lb_unwind_function(unwinder, &frames[i], &function) && is_panic(&function);

		if (panics)
			below = i + 1;
		else if (below)
			break;
	}
	return below < count ? below : 0;
}
