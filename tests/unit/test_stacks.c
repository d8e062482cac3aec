// SPDX-License-Identifier: BSD-2-Clause
// Backtrace and signature of a whole report, for a kernel whose functions keep frame pointers. They come from
// the stack alone, whatever the log says or has lost.
#include "crash/report/report.h"
#include "dead_image.h"
#include "dead_ring.h"

#define STACK (DEAD_DIRECT + 0x700000)
#define FUNCTIONS_OF_PANIC 4U
#define IN(at) (IMAGE_VIRT + (at) + 0x40) // an address in a function, behind a call

static const struct dead_symbol functions[] = {{"Tefi_reboot", 0x30000},
					       {"Tpanic", 0x31000},
					       {"tculprit.cold", 0x32000},
					       {"tcaller", 0x33000},
					       {"Tend", 0x34000}};

static struct dead_machine *machine;
static struct lb_deadkernel kernel;
static struct lb_user_regs registers;
static char text[LB_REPORT_MAX];

static void put(uint64_t virt, uint64_t word)
{
	dead_put(machine, virt - DEAD_DIRECT, word, 8);
}

// Puts a record into the ring. The records before it are lost.
static void say(uint64_t id, const char *line)
{
	put(DEAD_DIRECT + DESCS + 24 * id, 2ULL << 62 | id);
	put(DEAD_DIRECT + DESCS + 24 * id + 8, 256 * id);
	put(DEAD_DIRECT + DESCS + 24 * id + 16, 256 * id + 8 + lb_align_up(strlen(line), 8));
	put(DEAD_DIRECT + INFOS + 88 * id + 8, 1000000000 * (id + 1));
	dead_put(machine, INFOS + 88 * id + 16, strlen(line), 2);
	put(DEAD_DIRECT + DATA + 256 * id, id);
	memcpy(dead_at(machine, DATA + 256 * id + 8), line, strlen(line));
	put(DEAD_DIRECT + RING + 24, id);
}

// Puts a frame: the address of the caller's frame, and the return address into the caller.
static void put_frame(uint32_t number, uint64_t return_to)
{
	put(STACK + 0x40 * number, STACK + 0x40 * (number + 1));
	put(STACK + 0x40 * number + 8, return_to);
	*image_at(machine, return_to - 5) = 0xe8;
}

static int open_machine(void **state)
{
	(void)state;
	machine = dead_open();
	dead_ring(machine, "OSRELEASE=6.1\n", 4, 12);
	write_symbols(machine, BEHIND, functions, FUNCTIONS_OF_PANIC + 1);
	for (uint32_t i = 1; i < FUNCTIONS_OF_PANIC; i++)
		put_frame(i - 1, IN(functions[i].at));
	put(STACK + 0x40 * (FUNCTIONS_OF_PANIC - 1), 0);
	put(STACK + 0x40 * (FUNCTIONS_OF_PANIC - 1) + 8, 0);
	registers =
		(struct lb_user_regs){.rip = IN(functions[0].at), .rbp = STACK, .rsp = STACK - 8, .cs = 0x10};
	kernel = dead_kernel(machine);
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	dead_close(machine);
	return 0;
}

// Makes a report in `text`, and copies its signature to `ret_signature`.
static void report(char *ret_signature, uint32_t room)
{
	struct lb_report_source source = {.registers = &registers, .cpu = 0};
	uint32_t bytes;

	kernel.space = machine->dead;
	source.kernel = &kernel;
	source.memory = aligned_alloc(LB_PAGE, lb_report_memory());
	assert_non_null(source.memory);
	bytes = lb_report_write(&source, text, sizeof(text));
	free(source.memory);
	assert_true(lb_report_value(text, bytes, "signature", ret_signature, room));
}

static const char trace[] = "\nbacktrace: from below panic()";
static const char first_frame[] = "\n  culprit.cold+0x40/0x1000\n  caller+0x40/0x1000\n";

static void the_stack_alone_tells(void **state)
{
	char said[128], flushed[128], empty[128];

	(void)state;
	say(0, "CPU: 0 PID: 7 Comm: cat Not tainted 6.1 #1");
	say(1, "RIP: 0010:somewhere_else+0x5/0x20");
	say(2, "Kernel panic - not syncing: for a test");
	report(said, sizeof(said));
	assert_non_null(strstr(text, trace));
	assert_non_null(strstr(text, first_frame));
	assert_int_equal(strncmp(said, "panic:culprit:", 14), 0);

	// The trace was lost from the ring. Its last lines tell of the panic, but of no CPU and no function.
	put(DEAD_DIRECT + RING + 32, 2);
	report(flushed, sizeof(flushed));
	assert_null(strstr(text, "somewhere_else"));
	assert_non_null(strstr(text, first_frame));
	assert_string_equal(flushed, said);

	// The ring tells nothing of the panic.
	say(2, "random: crng reseeded");
	report(empty, sizeof(empty));
	assert_non_null(strstr(text, "reason: not known: the log has no line of a panic\n"));
	assert_non_null(strstr(text, first_frame));
	assert_int_equal(strncmp(empty, "unknown:culprit:", 16), 0);
	assert_string_equal(strrchr(empty, ':'), strrchr(said, ':'));
}

// Other offsets of the stack and within functions, as KASLR or another build have, do not change the
// signature.
static void offsets_do_not_count(void **state)
{
	char one[128], other[128];

	(void)state;
	say(0, "Kernel panic - not syncing: for a test");
	report(one, sizeof(one));
	put_frame(1, IN(functions[2].at) + 0x20);
	report(other, sizeof(other));
	assert_non_null(strstr(text, "  culprit.cold+0x60/0x1000\n"));
	assert_string_equal(one, other);
	put_frame(1, IN(functions[4].at));
	report(other, sizeof(other));
	assert_string_not_equal(one, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_stack_alone_tells, open_machine, close_machine),
		cmocka_unit_test_setup_teardown(offsets_do_not_count, open_machine, close_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
