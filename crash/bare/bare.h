// SPDX-License-Identifier: BSD-2-Clause
// What the purgatory and the built-in capture kernel share. Both run without firmware and without an
// operating system, on the crash page tables, with interrupts off. Nothing here allocates, and every wait is
// bounded.
#ifndef LIFEBOAT_CRASH_BARE_BARE_H
#define LIFEBOAT_CRASH_BARE_BARE_H

#include <stdbool.h>
#include <stdint.h>

#include "lifeboat/desc.h"
#include "lifeboat/handoff.h"
#include "lifeboat/physmem.h"

// An exception's stack frame, as traps.asm pushes it.
struct lb_trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, code;
	uint64_t rip, cs, rflags, rsp, ss;
};

// traps.asm
extern uint8_t lb_trap_stubs[]; // X86_VECTORS entries, LB_TRAP_STUB_BYTES apart
_Noreturn void lb_cold_reset(void);
_Noreturn void lb_halt(void);
// Copies a page that may not be readable. Returns false after a page fault or a machine check.
bool lb_copy_page(void *to, const void *from);
extern uint8_t lb_copy_page_reads[], lb_copy_page_fails[]; // labels in lb_copy_page(), for trap.c
extern uint8_t lb_msr_reads[], lb_msr_writes[], lb_msr_fails[]; // labels in lb_msr_read() and lb_msr_write()

// trap.c
uint64_t lb_trap_stub(unsigned int vector); // the entry point for the gate of `vector`
void lb_trap_prepare(void); // builds the tables that an entry.asm loads
void lb_trap(struct lb_trap_frame *frame);
// Prints what it does, then halts if the policy is to halt, else resets.
_Noreturn void lb_stop(enum lb_policy policy);
void lb_trap_watch(const struct lb_handoff *handoff, struct lb_handoff_live *live);
// Sets work that is done once before the machine ends, in whichever way, a fault included. From this call on
// a fault does not show registers, which may hold secrets. May be called once in a program's life.
void lb_trap_at_end(void (*work)(void));
// Does the work that lb_trap_at_end() set, unless it is done. lb_stop() and lb_trap() call this.
void lb_trap_end(void);
// Sets the handler of interrupts from outside. The handler returns true if it expected the interrupt. Any
// other interrupt is a fault. NULL: there is no handler.
void lb_trap_expect(bool (*handler)(struct lb_trap_frame *frame));
// Sets the handler of exceptions that would end the program. The handler returns true if it changed the frame
// to continue elsewhere. NULL: there is no handler.
void lb_trap_catch(bool (*handler)(struct lb_trap_frame *frame));

// console.c. A line on the serial port begins with "NAME: " and ends with CR LF. `name` is kept by reference.
// If the handoff is not sound, only a console at an I/O port is used.
void lb_console_open(const struct lb_handoff *handoff, bool sound, const char *name);
// Switches to COM1. Returns false if COM1 was in use already. Where there is no COM1, output is lost without
// harm.
bool lb_console_com1(void);
void lb_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

// window.c
void *lb_window_map(const struct lb_window *window, uint64_t phys, bool uncached);
void lb_window_unmap(const struct lb_window *window);
// Gives the dead kernel's RAM, as e820_saved lists it, one page at a time.
struct lb_physmem lb_window_physmem(const struct lb_handoff *handoff);

#endif
