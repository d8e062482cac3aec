// SPDX-License-Identifier: BSD-2-Clause
// One step of unwinding: every base register, every kind of frame, and stacks that cannot be read.
#include "crash/dead/unwind_step.h"
#include "dead_machine.h"

#define STACK_PHYS 0x500000ULL
#define STACK (DEAD_DIRECT + STACK_PHYS)
#define NOWHERE 0xdead000000000000ULL
#define KERNEL_CS 0x10
#define USER_CS 0x33

static struct dead_machine *machine;
static struct lb_deadmem mem;
static struct lb_unwind_state state;

static int open_machine(void **unused)
{
	(void)unused;
	machine = dead_open();
	lb_deadmem_open(&mem, &machine->dead);
	state = (struct lb_unwind_state){.ip = 1, .sp = STACK + 0x100, .bp = STACK + 0x200};
	// Each word holds its own offset.
	for (uint64_t at = 0; at < LB_PAGE; at += 8)
		dead_put(machine, STACK_PHYS + at, at, 8);
	return 0;
}

static int close_machine(void **unused)
{
	(void)unused;
	dead_close(machine);
	return 0;
}

static enum lb_unwind_move step(struct lb_orc_entry entry)
{
	return lb_unwind_by_orc(&mem, &entry, &state);
}

static void assert_state(uint64_t ip, uint64_t sp, uint64_t bp)
{
	assert_int_equal(state.ip, ip);
	assert_int_equal(state.sp, sp);
	assert_int_equal(state.bp, bp);
}

static void a_caller_is_found_by_sp(void **unused)
{
	(void)unused;
	state.interrupted = state.has_registers = true;
	state.saved = 4711;
	assert_int_equal(step((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_SP, LB_ORC_NONE, 0x20, 0}),
			 LB_UNWIND_CALLER);
	assert_state(0x118, STACK + 0x120, STACK + 0x200);
	assert_false(state.interrupted);
	assert_false(state.has_registers);
	assert_int_equal(state.saved, 0);
}

static void a_caller_is_found_by_bp(void **unused)
{
	(void)unused;
	assert_int_equal(step((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_BP, LB_ORC_PREV_SP, 16, -16}),
			 LB_UNWIND_CALLER);
	assert_state(0x208, STACK + 0x210, 0x200);
	state.bp = STACK + 0x300;
	assert_int_equal(step((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_SP, LB_ORC_BP, 8, 0x18}),
			 LB_UNWIND_CALLER);
	assert_state(0x210, STACK + 0x218, 0x318);
}

static void a_caller_is_found_through_a_word_of_the_stack(void **unused)
{
	(void)unused;
	dead_put(machine, STACK_PHYS + 0x100, STACK + 0x800, 8);
	assert_int_equal(step((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_SP_INDIRECT, LB_ORC_NONE, 8, 0}),
			 LB_UNWIND_CALLER);
	assert_state(0x800, STACK + 0x808, STACK + 0x200);
	dead_put(machine, STACK_PHYS + 0x1f8, STACK + 0x900, 8);
	assert_int_equal(step((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_BP_INDIRECT, LB_ORC_NONE, -8, 0}),
			 LB_UNWIND_CALLER);
	assert_state(0x8f8, STACK + 0x900, STACK + 0x200);
}

// Other base registers can be used only if all registers are known.
static void a_caller_is_found_by_other_registers(void **unused)
{
	static const enum lb_orc_reg registers[] = {LB_ORC_AX, LB_ORC_DX, LB_ORC_DI, LB_ORC_R10, LB_ORC_R13};
	const struct lb_user_regs values = {.rax = STACK + 0x400,
					    .rdx = STACK + 0x410,
					    .rdi = STACK + 0x420,
					    .r10 = STACK + 0x430,
					    .r13 = STACK + 0x440};

	(void)unused;
	for (uint32_t i = 0; i < 5; i++) {
		const struct lb_orc_entry entry = {LB_ORC_CALL, registers[i], LB_ORC_NONE, 8, 0};

		state.registers = values;
		state.has_registers = false;
		assert_int_equal(step(entry), LB_UNWIND_LOST);
		state.has_registers = true;
		assert_int_equal(step(entry), LB_UNWIND_CALLER);
		assert_state(0x400 + 0x10 * i, STACK + 0x408 + 0x10 * i, STACK + 0x200);
	}
}

// Puts the five words that an exception pushes at `at`.
static void put_iret_frame(uint64_t at, uint64_t cs)
{
	const uint64_t words[5] = {0xaaa0, cs, 0x46, STACK + 0xc00, 0x18};

	memcpy(dead_at(machine, STACK_PHYS + at), words, sizeof(words));
}

static void registers_of_what_was_interrupted(void **unused)
{
	const struct lb_orc_entry entry = {LB_ORC_REGS, LB_ORC_SP, LB_ORC_NONE, 8, 0};

	(void)unused;
	put_iret_frame(0x108 + 128, KERNEL_CS);
	assert_int_equal(step(entry), LB_UNWIND_INTERRUPTED);
	assert_state(0xaaa0, STACK + 0xc00, 0x108 + 32);
	assert_true(state.interrupted);
	assert_true(state.has_registers);
	assert_int_equal(state.saved, STACK + 0x108);
	assert_int_equal(state.registers.r15, 0x108);
	assert_int_equal(state.registers.orig_rax, 0x108 + 120);
	assert_int_equal(state.registers.cs, KERNEL_CS);
	assert_int_equal(state.registers.fs_base, 0);

	state.sp = STACK + 0x100;
	put_iret_frame(0x108 + 128, USER_CS);
	assert_int_equal(step(entry), LB_UNWIND_USER);
	assert_int_equal(state.ip, 0xaaa0);
}

// Entry code has pushed nothing yet, so the registers below an iret frame are still those of the interrupted
// code.
static void an_iret_frame_alone(void **unused)
{
	const struct lb_orc_entry entry = {LB_ORC_IRET, LB_ORC_SP, LB_ORC_NONE, 16, 0};

	(void)unused;
	state.has_registers = true;
	state.registers.r13 = 13;
	put_iret_frame(0x110, KERNEL_CS);
	assert_int_equal(step(entry), LB_UNWIND_INTERRUPTED);
	assert_state(0xaaa0, STACK + 0xc00, STACK + 0x200);
	assert_true(state.interrupted);
	assert_true(state.has_registers);
	assert_int_equal(state.registers.r13, 13);
	assert_int_equal(state.saved, 0);

	state.sp = STACK + 0x100;
	put_iret_frame(0x110, USER_CS);
	assert_int_equal(step(entry), LB_UNWIND_USER);
}

static void assert_stays(struct lb_orc_entry entry, enum lb_unwind_move wanted)
{
	const struct lb_unwind_state before = state;

	assert_int_equal(step(entry), wanted);
	assert_memory_equal(&state, &before, sizeof(state));
}

static void where_no_one_called(void **unused)
{
	(void)unused;
	assert_stays((struct lb_orc_entry){LB_ORC_END, LB_ORC_NONE, LB_ORC_NONE, 0, 0}, LB_UNWIND_OUTERMOST);
	assert_stays((struct lb_orc_entry){LB_ORC_UNDEFINED, LB_ORC_SP, LB_ORC_NONE, 8, 0}, LB_UNWIND_LOST);
	assert_stays((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_NONE, LB_ORC_NONE, 8, 0}, LB_UNWIND_LOST);
	assert_stays((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_UNKNOWN, LB_ORC_NONE, 8, 0}, LB_UNWIND_LOST);
	assert_stays((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_SP, LB_ORC_UNKNOWN, 8, 0}, LB_UNWIND_LOST);
	assert_stays((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_SP, LB_ORC_R10, 8, 0}, LB_UNWIND_LOST);
}

static void what_cannot_be_read_ends_it(void **unused)
{
	static const enum lb_orc_type types[] = {LB_ORC_CALL, LB_ORC_REGS, LB_ORC_IRET};

	(void)unused;
	state.sp = NOWHERE;
	for (uint32_t i = 0; i < 3; i++)
		assert_stays((struct lb_orc_entry){types[i], LB_ORC_SP, LB_ORC_NONE, 8, 0}, LB_UNWIND_LOST);
	assert_stays((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_SP_INDIRECT, LB_ORC_NONE, 8, 0},
		     LB_UNWIND_LOST);
	state.sp = STACK + 0x100;
	state.bp = NOWHERE;
	assert_stays((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_SP, LB_ORC_BP, 8, 0}, LB_UNWIND_LOST);
	assert_stays((struct lb_orc_entry){LB_ORC_CALL, LB_ORC_BP_INDIRECT, LB_ORC_NONE, 8, 0},
		     LB_UNWIND_LOST);
}

static void frame_pointers_lead_up(void **unused)
{
	(void)unused;
	dead_put(machine, STACK_PHYS + 0x200, STACK + 0x280, 8);
	assert_int_equal(lb_unwind_by_bp(&mem, &state), LB_UNWIND_CALLER);
	assert_state(0x208, STACK + 0x210, STACK + 0x280);
	put_iret_frame(0x300 + 128, KERNEL_CS);
	dead_put(machine, STACK_PHYS + 0x280, (STACK + 0x300) | 1, 8);
	assert_int_equal(lb_unwind_by_bp(&mem, &state), LB_UNWIND_CALLER);
	assert_int_equal(lb_unwind_by_bp(&mem, &state), LB_UNWIND_INTERRUPTED);
	assert_state(0xaaa0, STACK + 0xc00, 0x300 + 32);
	assert_int_equal(state.saved, STACK + 0x300);

	state = (struct lb_unwind_state){.sp = STACK, .bp = STACK + 0x20};
	dead_put(machine, STACK_PHYS + 0x20, 0, 8);
	assert_int_equal(lb_unwind_by_bp(&mem, &state), LB_UNWIND_CALLER);
	assert_int_equal(lb_unwind_by_bp(&mem, &state), LB_UNWIND_OUTERMOST);
	assert_state(0x28, STACK + 0x30, 0);
}

static void what_is_no_frame_pointer_is_not_followed(void **unused)
{
	// 0 is no frame pointer either: BP may hold any number.
	const uint64_t bad[] = {0, STACK + 0xf8, STACK + 0x100 + 32 * LB_KIB, STACK + 0x202, NOWHERE, 8};

	(void)unused;
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		state.bp = bad[i];
		assert_int_equal(lb_unwind_by_bp(&mem, &state), LB_UNWIND_LOST);
		assert_state(1, STACK + 0x100, bad[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_caller_is_found_by_sp),
		TEST(a_caller_is_found_by_bp),
		TEST(a_caller_is_found_through_a_word_of_the_stack),
		TEST(a_caller_is_found_by_other_registers),
		TEST(registers_of_what_was_interrupted),
		TEST(an_iret_frame_alone),
		TEST(where_no_one_called),
		TEST(what_cannot_be_read_ends_it),
		TEST(frame_pointers_lead_up),
		TEST(what_is_no_frame_pointer_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
