// SPDX-License-Identifier: BSD-2-Clause
// Whole backtraces: across the stacks of interrupts, exceptions and NMIs, through modules, by frame pointers,
// by scanning, and on stacks made to keep the unwinder busy.
#include "crash/dead/unwind.h"
#include "orc_made.h"

#define TEXT 0xffffffff81000000ULL
#define INIT_TEXT (TEXT + 0x8000)
#define MODULE 0xffffffffc0001000ULL
#define TEXT_PHYS 0x400000ULL // 64 KiB
#define MODULE_PHYS 0x410000ULL
#define STACKS_PHYS 0x500000ULL
// Stacks have 16 KiB and do not touch each other.
#define STACK(number) (DEAD_DIRECT + STACKS_PHYS + (uint64_t)(number)*0x10000)
#define FRAMES 64

// A function for each 0x100 bytes of text, named by its ORC line.
enum function {
	LEAF, // called, with nothing pushed
	FRAME, // the return address is 24 bytes up
	BASE, // it has a frame pointer
	ON_IRQ_STACK, // it runs on an interrupt's stack, whose top holds the SP of the caller
	EXCEPTION, // struct pt_regs is 8 bytes up
	NMI, // an iret frame
	OUTERMOST,
	UNKNOWN, // ORC has no line for it
	FUNCTIONS
};

static const struct lb_orc_entry entries[FUNCTIONS] = {
	[LEAF] = ORC_SP(8),
	[FRAME] = ORC_SP(32),
	[BASE] = {LB_ORC_CALL, LB_ORC_BP, LB_ORC_PREV_SP, 16, -16},
	[ON_IRQ_STACK] = {LB_ORC_CALL, LB_ORC_SP_INDIRECT, LB_ORC_NONE, 8, 0},
	[EXCEPTION] = {LB_ORC_REGS, LB_ORC_SP, LB_ORC_NONE, 8, 0},
	[NMI] = {LB_ORC_IRET, LB_ORC_SP, LB_ORC_NONE, 0, 0},
	[OUTERMOST] = {LB_ORC_END, LB_ORC_NONE, LB_ORC_NONE, 0, 0},
	[UNKNOWN] = {LB_ORC_UNDEFINED, LB_ORC_NONE, LB_ORC_NONE, 0, 0},
};

static struct dead_machine *machine;
static struct lb_deadmem mem;
static struct lb_unwinder unwinder;
static struct lb_module module;
static struct lb_modules modules;
static struct lb_frame frames[FRAMES];

// Returns an address inside a function, right behind a call.
static uint64_t in(enum function function)
{
	return TEXT + 0x100 * (uint64_t)function + 0x40;
}

static void put(uint64_t virt, uint64_t word)
{
	dead_put(machine, virt - DEAD_DIRECT, word, 8);
}

static int open_machine(void **unused)
{
	struct orc_line lines[FUNCTIONS];

	(void)unused;
	machine = dead_open();
	for (uint64_t at = 0; at < 0x10000; at += LB_PAGE)
		dead_map(machine, TEXT + at, TEXT_PHYS + at);
	dead_map(machine, MODULE, MODULE_PHYS);
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		lines[i] = (struct orc_line){TEXT + 0x100 * i, entries[i]};
		*dead_at(machine, TEXT_PHYS + 0x100 * i + 0x3b) = 0xe8;
	}
	*dead_at(machine, MODULE_PHYS + 0x1b) = 0xe8;
	lb_deadmem_open(&mem, &machine->dead);
	module = (struct lb_module){.name = "mod", .text = {MODULE, MODULE + 0x800}};
	modules = (struct lb_modules){.mem = &mem, .list = &module, .count = 1};
	unwinder = (struct lb_unwinder){
		.mem = &mem,
		.modules = &modules,
		.image = {TEXT, TEXT + 0x10000},
		.text = {TEXT, TEXT + 0x8000},
		.init_text = {INIT_TEXT, INIT_TEXT + 0x1000},
		.has_orc = true,
		.orc = {.has_types_of_6_4 = true},
		.table = {TEXT + 0x9000, TEXT + 0xa000, FUNCTIONS},
	};
	orc_write(machine, ORC_6_4, lines, &unwinder.table, TEXT - TEXT_PHYS);
	return 0;
}

static int close_machine(void **unused)
{
	(void)unused;
	dead_close(machine);
	return 0;
}

static void assert_frame(uint32_t number, uint64_t ip, const char *flags)
{
	const struct lb_frame *frame = &frames[number];
	char found[8] = "";

	snprintf(found, sizeof(found), "%s%s%s%s", frame->certain ? "" : "?", frame->interrupted ? "i" : "",
		 frame->user ? "u" : "", frame->other_stack ? "s" : "");
	if (frame->ip != ip || strcmp(found, flags) != 0)
		fail_msg("frame %u is %lx '%s', wanted %lx '%s'", number, frame->ip, found, ip, flags);
}

static uint32_t unwind(uint64_t ip, uint64_t sp, uint64_t bp)
{
	const struct lb_unwind_start start = {.ip = ip, .sp = sp, .bp = bp};

	memset(frames, 0xee, sizeof(frames));
	return lb_unwind(&unwinder, &start, frames, FRAMES);
}

static void assert_ended(enum lb_unwind_end end, const char *words)
{
	assert_int_equal(unwinder.end, end);
	if (!strstr(unwinder.why.text, words) || (!*words && *unwinder.why.text))
		fail_msg("'%s' does not say '%s'", unwinder.why.text, words);
}

// Puts struct pt_regs at `at`, zero except for these fields.
static void put_registers(uint64_t at, uint64_t ip, uint64_t cs, uint64_t sp, uint64_t bp)
{
	put(at + 32, bp);
	put(at + 128, ip);
	put(at + 136, cs);
	put(at + 152, sp);
}

// A panic in an NMI, which came in an interrupt, which came in a function called by a system call.
static void every_stack_is_crossed(void **unused)
{
	const uint64_t task = STACK(0) + 0x1000, irq = STACK(1) + 0x800, nmi = STACK(2) + 0x300;

	(void)unused;
	put(nmi + 24, in(NMI));
	put(nmi + 32, in(LEAF)-1); // where the NMI interrupted the interrupt's handler
	put(nmi + 40, 0x10);
	put(nmi + 56, irq);
	put(irq, in(FRAME));
	put(irq + 32, in(ON_IRQ_STACK));
	put(irq + 40, task);
	put(task, in(EXCEPTION));
	put_registers(task + 16, in(BASE) + 3, 0x10, task + 0x200, task + 0x240);
	put(task + 0x240, 0x1234);
	put(task + 0x248, in(EXCEPTION));
	put_registers(task + 0x258, 0x401000, 0x33, 0x7ffc0000, 0);
	assert_int_equal(unwind(in(FRAME), nmi, 0), 9);
	assert_ended(LB_UNWIND_WHOLE, "");
	assert_frame(0, in(FRAME), "");
	assert_frame(1, in(NMI), "");
	assert_frame(2, in(LEAF)-1, "is");
	assert_frame(3, in(FRAME), "");
	assert_frame(4, in(ON_IRQ_STACK), "");
	assert_frame(5, in(EXCEPTION), "s");
	assert_frame(6, in(BASE) + 3, "i");
	assert_frame(7, in(EXCEPTION), "");
	assert_frame(8, 0x401000, "iu");
	assert_int_equal(frames[2].registers, 0);
	assert_int_equal(frames[6].registers, task + 16);
	assert_int_equal(frames[8].registers, task + 0x258);
}

static void a_kernel_thread_ends_where_it_began(void **unused)
{
	(void)unused;
	put(STACK(0) + 24, in(LEAF));
	put(STACK(0) + 32, in(OUTERMOST));
	assert_int_equal(unwind(in(FRAME), STACK(0), 0), 3);
	assert_ended(LB_UNWIND_WHOLE, "");
	assert_frame(2, in(OUTERMOST), "");
}

// A call of a function that never returns can be the last instruction of its caller.
static void a_return_address_behind_its_function(void **unused)
{
	(void)unused;
	put(STACK(0) + 24, TEXT + 0x100 * (LEAF + 1)); // the address where FRAME begins; the call is in LEAF
	put(STACK(0) + 32, in(OUTERMOST));
	assert_int_equal(unwind(in(FRAME), STACK(0), 0), 3);
	assert_ended(LB_UNWIND_WHOLE, "");
	// If the same address was interrupted rather than returned to, it belongs to FRAME.
	put_registers(STACK(1) + 8, TEXT + 0x100 * FRAME, 0x10, STACK(0) + 8, 0);
	assert_int_equal(unwind(in(EXCEPTION), STACK(1), 0), 3);
	assert_frame(1, TEXT + 0x100 * FRAME, "is");
	assert_frame(2, in(OUTERMOST), "");
}

static void a_call_through_a_bad_pointer(void **unused)
{
	static const uint64_t pointers[] = {0, 0x10, 0xdead000000000000ULL, DEAD_DIRECT, TEXT + 0x7000000};

	(void)unused;
	for (uint32_t i = 0; i < 5; i++) {
		put_registers(STACK(0) + 8, pointers[i], 0x10, STACK(0) + 0x400, 0);
		put(STACK(0) + 0x400, in(LEAF));
		put(STACK(0) + 0x408, in(OUTERMOST));
		assert_int_equal(unwind(in(EXCEPTION), STACK(0), 0), 4);
		assert_ended(LB_UNWIND_WHOLE, "");
		assert_frame(1, pointers[i], "i");
		assert_frame(2, in(LEAF), "");
	}
}

static void a_module_has_its_own_tables(void **unused)
{
	const struct orc_line lines[] = {{MODULE, ORC_SP(16)}};

	(void)unused;
	module.orc = (struct lb_orc_table){MODULE + 0x900, MODULE + 0xa00, 1};
	orc_write(machine, ORC_6_4, lines, &module.orc, MODULE - MODULE_PHYS);
	put(STACK(0) + 8, in(OUTERMOST));
	assert_int_equal(unwind(MODULE + 0x20, STACK(0), 0), 2);
	assert_ended(LB_UNWIND_WHOLE, "");
	assert_frame(1, in(OUTERMOST), "");
}

// Code in no module, such as a BPF program's, is left by its frame pointer.
static void code_without_tables_is_left_by_its_frame_pointer(void **unused)
{
	(void)unused;
	module.text = (struct lb_range){MODULE + 0x100, MODULE + 0x200};
	put(STACK(0) + 0x40, 0x1234);
	put(STACK(0) + 0x48, in(OUTERMOST));
	assert_int_equal(unwind(MODULE + 0x20, STACK(0), STACK(0) + 0x40), 2);
	assert_ended(LB_UNWIND_WHOLE, "");
	assert_frame(1, in(OUTERMOST), "");
}

static void a_kernel_with_frame_pointers(void **unused)
{
	(void)unused;
	unwinder.has_orc = false;
	put(STACK(0) + 0x40, STACK(0) + 0x80);
	put(STACK(0) + 0x48, in(LEAF));
	put(STACK(0) + 0x80, (STACK(0) + 0x100) | 1);
	put(STACK(0) + 0x88, in(FRAME));
	put_registers(STACK(0) + 0x100, in(BASE), 0x10, STACK(0) + 0x200, STACK(0) + 0x200);
	put(STACK(0) + 0x200, 0);
	put(STACK(0) + 0x208, in(BASE));
	assert_int_equal(unwind(in(LEAF), STACK(0), STACK(0) + 0x40), 5);
	assert_ended(LB_UNWIND_WHOLE, "");
	assert_frame(1, in(LEAF), "");
	assert_frame(2, in(FRAME), "");
	assert_frame(3, in(BASE), "i");
	assert_frame(4, in(BASE), "");
}

// Without ORC and frame pointers each address behind a call counts, up to the stack's end.
static void the_rest_is_scanned(void **unused)
{
	(void)unused;
	unwinder.has_orc = false;
	put(STACK(0) + 0x100, in(LEAF) + 1); // not behind a call
	put(STACK(0) + 0x108, in(LEAF));
	put(STACK(0) + 0x110, 0x40);
	put(STACK(0) + 0x118, STACK(0));
	put(STACK(0) + 0x3ff8, in(FRAME));
	put(STACK(0) + 0x4000, in(BASE)); // on another stack
	assert_int_equal(unwind(in(BASE), STACK(0) + 3, 7), 3);
	assert_ended(LB_UNWIND_BROKEN, "no return address where one must be");
	assert_frame(0, in(BASE), "");
	assert_frame(1, in(LEAF), "?");
	assert_frame(2, in(FRAME), "?");

	// With ORC the scan begins where ORC ends.
	unwinder.has_orc = true;
	put(STACK(0) + 0xd8, in(UNKNOWN));
	assert_int_equal(unwind(in(FRAME), STACK(0) + 0xc0, 7), 4);
	assert_ended(LB_UNWIND_BROKEN, "no return address where one must be");
	assert_frame(1, in(UNKNOWN), "");
	assert_frame(2, in(LEAF), "?");
	assert_frame(3, in(FRAME), "?");
}

static void calls_are_known_by_their_bytes(void **unused)
{
	static const struct {
		uint8_t bytes[7];
		bool call;
	} codes[] = {
		{{0x90, 0x90, 0xe8, 1, 2, 3, 4}, true}, // call rel32
		{{0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0}, true}, // call *%rax
		{{0x90, 0x90, 0x90, 0x90, 0x41, 0xff, 0xd3}, true}, // call *%r11
		{{0x90, 0x90, 0x90, 0x90, 0xff, 0x50, 0x18}, true}, // call *0x18(%rax)
		{{0x90, 0x90, 0x90, 0xff, 0x54, 0x24, 8}, true}, // call *8(%rsp)
		{{0x90, 0xff, 0x15, 1, 2, 3, 4}, true}, // call *x(%rip)
		{{0xff, 0x14, 0xc5, 1, 2, 3, 4}, true}, // call *x(,%rax,8)
		{{0x90, 0x90, 0xe9, 1, 2, 3, 4}, false}, // jmp
		{{0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xe0}, false}, // jmp *%rax
		{{0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xe8}, false},
		{{0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3}, false},
	};

	(void)unused;
	unwinder.has_orc = false;
	for (uint32_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		memcpy(dead_at(machine, TEXT_PHYS + 0x5000), codes[i].bytes, 7);
		put(STACK(0) + 8, TEXT + 0x5007);
		assert_int_equal(unwind(in(LEAF), STACK(0), 7), codes[i].call ? 2 : 1);
	}
}

static void the_room_is_kept_to(void **unused)
{
	const struct lb_unwind_start start = {.ip = in(LEAF), .sp = STACK(0)};

	(void)unused;
	for (uint32_t i = 0; i < 20; i++)
		put(STACK(0) + 8 * i, in(LEAF));
	for (uint32_t max = 0; max < 10; max++) {
		memset(frames, 0xee, sizeof(frames));
		assert_int_equal(lb_unwind(&unwinder, &start, frames, max), max);
		assert_int_equal(frames[max].ip, 0xeeeeeeeeeeeeeeeeULL);
		if (max)
			assert_ended(LB_UNWIND_FULL, "");
	}
	unwinder.has_orc = false;
	assert_int_equal(lb_unwind(&unwinder, &start, frames, 10), 10);
	assert_int_equal(frames[10].ip, 0xeeeeeeeeeeeeeeeeULL);
}

// Stacks that lead back to themselves, by each kind of step.
static void circles_end(void **unused)
{
	(void)unused;
	put(STACK(0) + 0x10, in(ON_IRQ_STACK));
	put(STACK(0), STACK(0) + 0x10);
	put(STACK(0) + 0x18, STACK(0) + 0x10);
	assert_true(unwind(in(ON_IRQ_STACK), STACK(0), 0) < FRAMES);
	assert_ended(LB_UNWIND_BROKEN, "more stacks than a CPU has");

	put_registers(STACK(1) + 8, in(EXCEPTION), 0x10, STACK(1), 0);
	assert_true(unwind(in(EXCEPTION), STACK(1), 0) < FRAMES);
	assert_ended(LB_UNWIND_BROKEN, "more stacks than a CPU has");

	put(STACK(2), in(NMI));
	put(STACK(2) + 8, 0x10);
	put(STACK(2) + 24, STACK(2));
	assert_true(unwind(in(NMI), STACK(2), 0) < FRAMES);
	assert_ended(LB_UNWIND_BROKEN, "more stacks than a CPU has");
}

static void a_program_has_no_frames_of_the_kernel(void **unused)
{
	const struct lb_user_regs registers = {.rip = 0x401000, .rsp = STACK(0), .cs = 0x33};
	const struct lb_unwind_start start = lb_unwind_from(&registers);

	(void)unused;
	assert_int_equal(lb_unwind(&unwinder, &start, frames, FRAMES), 1);
	assert_ended(LB_UNWIND_WHOLE, "");
	assert_frame(0, 0x401000, "iu");
}

static void registers_are_used_where_all_are_known(void **unused)
{
	const struct lb_user_regs registers = {
		.rip = in(BASE), .rsp = STACK(0), .rbp = STACK(0) + 0x40, .cs = 0x10};
	const struct lb_unwind_start start = lb_unwind_from(&registers);

	(void)unused;
	put(STACK(0) + 0x48, in(OUTERMOST));
	assert_int_equal(lb_unwind(&unwinder, &start, frames, FRAMES), 2);
	assert_ended(LB_UNWIND_WHOLE, "");
	assert_frame(0, in(BASE), "i");
	assert_frame(1, in(OUTERMOST), "");
}

// Without symbols, an address counts as code if its page can be executed.
static void without_symbols_the_page_tables_tell_code(void **unused)
{
	const struct lb_deadkernel kernel = {.text_virt = TEXT, .image_bytes = 0x10000};
	const uint64_t data = (TEXT_PHYS + 0x5000) | X86_PTE_P | X86_PTE_W | X86_PTE_NX;

	(void)unused;
	*dead_at(machine, TEXT_PHYS + 0x503b) = 0xe8;
	memcpy(dead_entry(machine, TEXT + 0x5000, 12), &data, 8);
	put(STACK(0) + 8, TEXT + 0x5040);
	put(STACK(0) + 16, in(LEAF));
	lb_unwinder_open(&unwinder, &mem, &kernel, NULL, NULL);
	assert_false(unwinder.has_orc);
	assert_non_null(strstr(unwinder.why_no_orc.text, "no symbols of an ORC table"));
	assert_int_equal(unwind(in(LEAF), STACK(0), 0xdead0000), 2);
	assert_frame(1, in(LEAF), "?");
}

// Puts tables with one symbol at the beginning of each function into the image. Each token is one character.
static void put_symbols(struct lb_symbols *symbols, const char *const *names, uint32_t count)
{
	const uint64_t index = TEXT + 0xb000, text = TEXT + 0xb200, offsets = TEXT + 0xc000,
		       coded = TEXT + 0xd000;
	uint64_t at = coded - TEXT + TEXT_PHYS;

	for (uint32_t i = 0; i < 256; i++) {
		dead_put(machine, index - TEXT + TEXT_PHYS + 2 * i, 2 * i, 2);
		dead_put(machine, text - TEXT + TEXT_PHYS + 2 * i, i, 2);
	}
	for (uint32_t i = 0; i < count; i++) {
		*dead_at(machine, at++) = (uint8_t)strlen(names[i]);
		memcpy(dead_at(machine, at), names[i], strlen(names[i]));
		at += strlen(names[i]);
		dead_put(machine, offsets - TEXT + TEXT_PHYS + 4 * i, TEXT + 0x100 * i - (offsets + 4 * i),
			 4);
	}
	*symbols = (struct lb_symbols){.mem = &mem,
				       .image = unwinder.image,
				       .names = coded,
				       .token_table = text,
				       .token_index = index,
				       .offsets = offsets,
				       .count = count,
				       .mark_step = count};
	lb_symbols_read_tokens(symbols);
	unwinder.symbols = symbols;
}

static void assert_function(struct lb_frame frame, const char *name, uint64_t offset)
{
	struct lb_function function;

	assert_true(lb_unwind_function(&unwinder, &frame, &function));
	assert_string_equal(function.name, name);
	assert_int_equal(function.offset, offset);
}

static void frames_have_names(void **unused)
{
	static const char *const names[] = {"tleaf", "Tframe", "tbase"};
	struct lb_symbols symbols;
	struct lb_function function;

	(void)unused;
	put_symbols(&symbols, names, 3);
	assert_function((struct lb_frame){.ip = TEXT + 0x140}, "frame", 0x40);
	// A return address right behind a function belongs to that function. An interrupted address there
	// does not.
	assert_function((struct lb_frame){.ip = TEXT + 0x100}, "leaf", 0x100);
	assert_function((struct lb_frame){.ip = TEXT + 0x100, .interrupted = true}, "frame", 0);
	assert_false(
		lb_unwind_function(&unwinder, &(struct lb_frame){.ip = 0x401000, .user = true}, &function));
	assert_false(
		lb_unwind_function(&unwinder, &(struct lb_frame){.ip = 0, .interrupted = true}, &function));
	// A module without symbols.
	assert_true(lb_unwind_function(&unwinder, &(struct lb_frame){.ip = MODULE + 0x20}, &function));
	assert_string_equal(function.name, "");
	assert_ptr_equal(function.module, &module);
	assert_int_equal(function.offset, 0x20);
}

static uint32_t below_panic(uint32_t count, const enum function *called)
{
	for (uint32_t i = 0; i < count; i++)
		frames[i] = (struct lb_frame){.ip = in(called[i]), .certain = true};
	return lb_unwind_below_panic(&unwinder, frames, count);
}

// From 6.17 on panic() calls vpanic(), which is not its caller. Of two panics the later one counts.
static void the_caller_of_panic_is_found(void **unused)
{
	static const char *const names[] = {"tleaf", "Tpanic", "Tvpanic"};
	static const enum function old[] = {LEAF, FRAME, LEAF, LEAF}, new[] = {LEAF, BASE, FRAME, LEAF},
				   twice[] = {LEAF, FRAME, LEAF, FRAME, LEAF}, none[] = {LEAF, LEAF},
				   last[] = {LEAF, FRAME};
	struct lb_symbols symbols;

	(void)unused;
	put_symbols(&symbols, names, 3);
	assert_int_equal(below_panic(4, old), 2);
	assert_int_equal(below_panic(4, new), 3);
	assert_int_equal(below_panic(5, twice), 2);
	assert_int_equal(below_panic(2, none), 0);
	assert_int_equal(below_panic(2, last), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_stack_is_crossed),
		TEST(a_kernel_thread_ends_where_it_began),
		TEST(a_return_address_behind_its_function),
		TEST(a_call_through_a_bad_pointer),
		TEST(a_module_has_its_own_tables),
		TEST(code_without_tables_is_left_by_its_frame_pointer),
		TEST(a_kernel_with_frame_pointers),
		TEST(the_rest_is_scanned),
		TEST(calls_are_known_by_their_bytes),
		TEST(the_room_is_kept_to),
		TEST(circles_end),
		TEST(a_program_has_no_frames_of_the_kernel),
		TEST(registers_are_used_where_all_are_known),
		TEST(without_symbols_the_page_tables_tell_code),
		TEST(frames_have_names),
		TEST(the_caller_of_panic_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
