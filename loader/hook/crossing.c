// SPDX-License-Identifier: BSD-2-Clause
// The C code that crosses from the dead kernel to the purgatory. It uses only this image's own text and
// data.
#include "lib/descriptor_tables.h"
#include "lib/mem.h"
#include "lifeboat/ports.h"
#include "lifeboat/uart.h"
#include "loader/hook/state.h"

struct lb_hook_sealed lb_hook_sealed;
struct lb_cpu_state lb_hook_cpu;
struct lb_descriptor_tables lb_hook_tables;
struct lb_table_register lb_hook_first_idtr;
uint8_t lb_hook_fired;

#define STACK_BYTES 1024

extern uint8_t lb_hook_stack_top[]; // the linker script's, above the stacks
static uint8_t ist_stacks[LB_IST_COUNT][STACK_BYTES] __attribute__((aligned(16)));
static struct lb_gate first_idt[X86_EXCEPTIONS];

// FNV-1a, 64 bits: detects accidental changes of what was armed.
static uint64_t sum_of(const void *start, size_t bytes)
{
	const uint8_t *byte = start;
	uint64_t sum = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < bytes; i++)
		sum = (sum ^ byte[i]) * 0x100000001b3ULL;
	return sum;
}

static uint64_t sum_of_text(void)
{
	return sum_of(lb_hook_text_start, (size_t)(lb_hook_crossing_end - lb_hook_text_start));
}

static uint64_t sum_of_sealed(void)
{
	return sum_of(&lb_hook_sealed, offsetof(struct lb_hook_sealed, sum));
}

static uint64_t sum_of_purgatory(void)
{
	return sum_of((const void *)(uintptr_t)lb_hook_sealed.purgatory_text.start,
		      lb_range_size(lb_hook_sealed.purgatory_text));
}

void lb_hook_seal(void)
{
	lb_hook_sealed.text_sum = sum_of_text();
	lb_hook_sealed.purgatory_sum = sum_of_purgatory();
	lb_hook_sealed.sum = sum_of_sealed();
}

bool lb_hook_sound(void)
{
	return sum_of_sealed() == lb_hook_sealed.sum && sum_of_text() == lb_hook_sealed.text_sum;
}

// Waits for the transmitter a bounded number of times, about 1 µs each, as crash/bare/console.c does.
static void say(const char *text)
{
	uint16_t port = (uint16_t)lb_hook_sealed.console_port;

	for (unsigned int polls = 0; port && *text && polls < LB_UART_MAX_POLLS; polls++) {
		if (cpu_in8(port + LB_UART_LSR) & LB_UART_LSR_THRE) {
			cpu_out8(port + LB_UART_TX, (uint8_t)*text++);
			polls = 0;
		}
	}
}

// Checks the purgatory's text. The purgatory checks all else, but a changed bit in its own code may keep it
// from getting there.
bool lb_hook_purgatory_sound(void)
{
	if (sum_of_purgatory() == lb_hook_sealed.purgatory_sum)
		return true;
	say("lifeboat-purgatory: fault: segment purgatory, its text, is not what was armed\r\n"
	    "lifeboat-purgatory: cold reset\r\n");
	return false;
}

static uint64_t stub(unsigned int vector)
{
	if (vector == X86_VECTOR_NMI)
		return (uint64_t)(uintptr_t)lb_hook_trap_nmi;
	return (uint64_t)(uintptr_t)(X86_PUSHES_CODE >> vector & 1 ? lb_hook_trap_code : lb_hook_trap);
}

void lb_hook_build_tables(void)
{
	uint64_t tops[LB_IST_COUNT];

	for (unsigned int i = 0; i < LB_IST_COUNT; i++)
		tops[i] = (uint64_t)(uintptr_t)(ist_stacks[i] + STACK_BYTES);
	lb_descriptor_tables_build(&lb_hook_tables, tops, stub, X86_EXCEPTIONS);
}

// Only these gates, for use with the kernel's own GDT and TSS: see traps.inc.
void lb_hook_build_first_idt(void)
{
	lb_hook_build_tables();
	memcpy(first_idt, lb_hook_tables.idt, sizeof(first_idt));
	lb_hook_first_idtr.limit = sizeof(first_idt) - 1;
	lb_hook_first_idtr.base = (uint64_t)(uintptr_t)first_idt;
}
