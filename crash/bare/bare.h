// SPDX-License-Identifier: BSD-2-Clause
// What the purgatory and the built-in capture kernel share: a machine without firmware and
// without an operating system, on the crash page tables, with interrupts off. Nothing may
// allocate, every wait is bounded.
#ifndef LIFEBOAT_CRASH_BARE_BARE_H
#define LIFEBOAT_CRASH_BARE_BARE_H

#include <stdbool.h>
#include <stdint.h>

#include "lifeboat/desc.h"
#include "lifeboat/handoff.h"
#include "lifeboat/physmem.h"

// An exception's stack frame; traps.asm.
struct lb_trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, code;
	uint64_t rip, cs, rflags, rsp, ss;
};

// traps.asm
extern uint8_t lb_trap_stubs[]; // X86_VECTORS, LB_TRAP_STUB_BYTES apart
_Noreturn void lb_cold_reset(void);
_Noreturn void lb_halt(void);
// A page that may not be readable: a page fault or a machine check costs this copy only, and
// the answer is false.
bool lb_copy_page(void *to, const void *from);
extern uint8_t lb_copy_page_reads[], lb_copy_page_fails[]; // in it; for trap.c
extern uint8_t lb_msr_reads[], lb_msr_writes[], lb_msr_fails[]; // in lb_msr_read() and lb_msr_write()

// trap.c
uint64_t lb_trap_stub(unsigned int vector); // the entry of its gate
void lb_trap_prepare(void); // builds the tables that an entry.asm loads
void lb_trap(struct lb_trap_frame *frame);
// Says the policy, then follows it: halts if the policy is to halt, else resets.
_Noreturn void lb_stop(enum lb_policy policy);
void lb_trap_watch(const struct lb_handoff *handoff, struct lb_handoff_live *live);
// Has `work` done once before the machine ends, whichever way that is, a fault included. With such work set,
// registers are not shown after a fault. One call is for a program's whole life.
void lb_trap_at_end(void (*work)(void));
// Does that work now, if there is any. lb_stop() and lb_trap() call this.
void lb_trap_end(void);
// Sets the handler that is asked about an interrupt from outside first; true from it: the interrupt was
// awaited.
void lb_trap_expect(bool (*handler)(struct lb_trap_frame *frame));
// Sets the handler that is asked about an exception that would be the end; true from it: the frame leads
// elsewhere.
void lb_trap_catch(bool (*handler)(struct lb_trap_frame *frame));

// console.c: lines on the serial port, "NAME: " before and CR LF behind; `name` is kept.
// Of a handoff that is not sound only an I/O port is believed.
void lb_console_open(const struct lb_handoff *handoff, bool sound, const char *name);
// COM1 instead; false if that is what it was. Where there is none, nobody is harmed.
bool lb_console_com1(void);
void lb_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

// window.c
void *lb_window_map(const struct lb_window *window, uint64_t phys, bool uncached);
void lb_window_unmap(const struct lb_window *window);
// The dead kernel's RAM, by e820_saved, a page at a time.
struct lb_physmem lb_window_physmem(const struct lb_handoff *handoff);

#endif
