// SPDX-License-Identifier: BSD-2-Clause
// The purgatory's own parts. Everything runs once, on one CPU, with interrupts off,
// on the crash page tables: nothing may fail for good, nothing may allocate, every
// wait is bounded.
#ifndef LIFEBOAT_PURGATORY_H
#define LIFEBOAT_PURGATORY_H

#include <stdbool.h>
#include <stdint.h>

#include "lifeboat/handoff.h"
#include "lifeboat/physmem.h"

// What an exception leaves on its stack; entry.asm.
struct lb_trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, code;
	uint64_t rip, cs, rflags, rsp, ss;
};

// entry.asm
extern uint8_t lb_trap_stubs[]; // 256, LB_TRAP_STUB_BYTES apart
#define LB_TRAP_STUB_BYTES 16
extern uint8_t lb_stack_top[];
_Noreturn void lb_cold_reset(void);
_Noreturn void lb_halt(void);
_Noreturn void lb_jump(uint64_t entry, uint64_t boot_params);

// trap.c
void lb_trap_prepare(void); // builds the tables that entry.asm loads
void lb_trap(struct lb_trap_frame *frame);
void lb_trap_watch(const struct lb_handoff *handoff, struct lb_handoff_live *live);

// console.c: lines on the serial port, "lifeboat-purgatory: " before and CR LF behind.
// Of a handoff that is not sound only an I/O port is believed.
void lb_console_open(const struct lb_handoff *handoff, bool sound);
// COM1 instead; false if that is what it was. Where there is none, nobody is harmed.
bool lb_console_com1(void);
void lb_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

// window.c
void *lb_window_map(const struct lb_window *window, uint64_t phys, bool uncached);
void lb_window_unmap(const struct lb_window *window);
// The dead kernel's RAM, by e820_saved, a page at a time.
struct lb_physmem lb_window_physmem(const struct lb_handoff *handoff);

// verify.c
bool lb_verify_handoff(const struct lb_handoff *handoff);
uint32_t lb_verify_segments(const struct lb_handoff *handoff);

// quiesce.c
void lb_quiesce(const struct lb_handoff *handoff);
bool lb_quiesce_interrupt(struct lb_trap_frame *frame); // one from outside; true: it was awaited

// pciconfig.c: every PCI function the handoff leads to; pci.h says what is done to each.
void lb_quiesce_pci(const struct lb_handoff *handoff);

// describe.c
bool lb_describe(const struct lb_handoff *handoff, const struct lb_handoff_live *live);
void lb_describe_finish(const struct lb_handoff *handoff, const struct lb_handoff_live *live);

// swap.c: its own inverse.
void lb_swap(const struct lb_swap_range *ranges, uint32_t count);

// main.c
_Noreturn void lb_purgatory_main(const struct lb_handoff *handoff, const struct lb_cpu_state *cpu);

#endif
