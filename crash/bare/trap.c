// SPDX-License-Identifier: BSD-2-Clause
// Handles exceptions. NMIs are counted and survived. Machine checks after which the CPU can go on are
// survived. So are faults in lb_copy_page(), lb_msr_read() and lb_msr_write(). Everything else is reported
// and ends in a cold reset, or in a halt if the user prefers to read the screen.
#include "crash/bare/bare.h"

#include <stddef.h>

#include "crash/bare/lapic.h"
#include "lib/cpu.h"
#include "lib/descriptor_tables.h"

#define IST_STACK_BYTES 8192
// The limit of machine checks on all CPUs together. Many machines deliver each check to every CPU. A check
// that repeats at the same place ends at the limit.
#define MACHINE_CHECKS_MAX 65536U

extern struct lb_descriptor_tables lb_descriptor_tables; // loaded by entry.asm
struct lb_descriptor_tables lb_descriptor_tables;

static uint8_t ist_stacks[LB_IST_COUNT][IST_STACK_BYTES] __attribute__((aligned(16)));
static const struct lb_handoff *watched_handoff;
static struct lb_handoff_live *watched_live;
static bool (*expected)(struct lb_trap_frame *frame);
static bool (*caught)(struct lb_trap_frame *frame);
static void (*at_end)(void);
static bool has_secrets;
static uint64_t nmis;
static uint32_t machine_checks;
static bool reporting;

uint64_t lb_trap_stub(unsigned int vector)
{
	return (uint64_t)(uintptr_t)lb_trap_stubs + (uint64_t)vector * LB_TRAP_STUB_BYTES;
}

void lb_trap_prepare(void)
{
	uint64_t tops[LB_IST_COUNT];

	for (unsigned int i = 0; i < LB_IST_COUNT; i++)
		tops[i] = (uint64_t)(uintptr_t)(ist_stacks[i] + IST_STACK_BYTES);
	lb_descriptor_tables_build(&lb_descriptor_tables, tops, lb_trap_stub, X86_VECTORS);
}

void lb_trap_expect(bool (*handler)(struct lb_trap_frame *frame))
{
	expected = handler;
}

void lb_trap_catch(bool (*handler)(struct lb_trap_frame *frame))
{
	caught = handler;
}

void lb_trap_at_end(void (*work)(void))
{
	at_end = work;
	has_secrets = true;
}

void lb_trap_end(void)
{
	void (*work)(void) = at_end;

	at_end = NULL; // a fault in work() must not call it again
	if (work)
		work();
}

// Records faults in the handoff's live part, too, from this call on.
void lb_trap_watch(const struct lb_handoff *handoff, struct lb_handoff_live *live)
{
	watched_handoff = handoff;
	watched_live = live;
	live->nmi_count = nmis;
}

static void report(const struct lb_trap_frame *frame)
{
	lb_say("fault: exception %lu code 0x%lx at rip 0x%lx cr2 0x%lx", frame->vector, frame->code,
	       frame->rip, cpu_cr2());
	if (has_secrets)
		return;
	lb_say("  rax %016lx rbx %016lx rcx %016lx rdx %016lx", frame->rax, frame->rbx, frame->rcx,
	       frame->rdx);
	lb_say("  rsi %016lx rdi %016lx rbp %016lx rsp %016lx", frame->rsi, frame->rdi, frame->rbp,
	       frame->rsp);
	lb_say("  r8  %016lx r9  %016lx r10 %016lx r11 %016lx", frame->r8, frame->r9, frame->r10, frame->r11);
	lb_say("  r12 %016lx r13 %016lx r14 %016lx r15 %016lx", frame->r12, frame->r13, frame->r14,
	       frame->r15);
}

_Noreturn void lb_stop(enum lb_policy policy)
{
	lb_trap_end();
	if (policy == LB_POLICY_HALT) {
		lb_say("halted, as told by --on-fault");
		lb_halt();
	}
	lb_say("cold reset");
	lb_cold_reset();
}

// RIPV says that the interrupted program can go on. lb_copy_page() need not go on, because it fails instead
// (SDM 3B, "IA32_MCG_STATUS MSR").
static bool survives_machine_check(bool in_copy)
{
	uint64_t status = cpu_rdmsr(X86_MSR_MCG_STATUS);

	if (__atomic_add_fetch(&machine_checks, 1, __ATOMIC_RELAXED) > MACHINE_CHECKS_MAX)
		return false;
	if (!in_copy && !(status & X86_MCG_RIPV))
		return false;
	cpu_wrmsr(X86_MSR_MCG_STATUS, 0); // with MCIP set, the next machine check would be a shutdown
	return true;
}

static bool survives(struct lb_trap_frame *frame)
{
	const bool in_msr = frame->rip == (uint64_t)(uintptr_t)lb_msr_reads ||
			    frame->rip == (uint64_t)(uintptr_t)lb_msr_writes;
	const bool in_copy = frame->rip == (uint64_t)(uintptr_t)lb_copy_page_reads;

	if (in_msr && frame->vector == X86_VECTOR_GP) {
		frame->rip = (uint64_t)(uintptr_t)lb_msr_fails;
		return true;
	}
	if (frame->vector == X86_VECTOR_MC ? !survives_machine_check(in_copy)
					   : !in_copy || frame->vector != X86_VECTOR_PF)
		return false;
	if (in_copy)
		frame->rip = (uint64_t)(uintptr_t)lb_copy_page_fails;
	return true;
}

void lb_trap(struct lb_trap_frame *frame)
{
	if (frame->vector == X86_VECTOR_NMI) {
		nmis++;
		if (watched_live)
			watched_live->nmi_count = nmis;
		return;
	}
	if (survives(frame))
		return;
	if ((frame->vector == LB_LAPIC_SPURIOUS_VECTOR || frame->vector >= X86_EXCEPTIONS) && expected &&
	    expected(frame))
		return;
	if (frame->vector < X86_EXCEPTIONS && frame->vector != X86_VECTOR_MC && caught && caught(frame))
		return;
	if (!reporting) { // a fault during a report: just reset
		reporting = true;
		lb_trap_end();
		if (watched_live) {
			watched_live->fault = LB_FAULT_EXCEPTION;
			watched_live->fault_detail = frame->vector;
		}
		report(frame);
		lb_stop(watched_handoff ? watched_handoff->on_fault : LB_POLICY_RESET);
	}
	lb_cold_reset();
}
