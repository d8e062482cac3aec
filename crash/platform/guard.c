// SPDX-License-Identifier: BSD-2-Clause
// Source: Intel SDM 3A 11.5.4 "APIC Timer", 6.14.2 (an interrupt's return takes RSP from the frame).
#include "crash/platform/guard.h"

#include "crash/bare/bare.h"
#include "crash/bare/lapic.h"
#include "crash/platform/platform.h"
#include "crash/platform/smp.h"
#include "lib/cpu.h"
#include "lib/mem.h"

#define TIMER_NOW 0x390 // register offsets
#define TIMER_DIVIDE 0x3e0
#define DIVIDE_BY_16 3U
#define TIMER_VECTOR 0xf0U // as an LVT entry: one-shot mode, not masked
#define MEASURE_MS 2
#define RFLAGS_NONE 2ULL // bit 1 is always set

// In guard_call.asm. Stores the stack pointer in *ret_stack, then calls work(ctx) with interrupts on. Returns
// true when work() returned. Returns false when an exception handler returned to lb_guard_broken with that
// stack pointer.
bool lb_guard_call(void (*work)(void *ctx), void *ctx, uint64_t *ret_stack);
extern uint8_t lb_guard_broken[];

static struct {
	bool inside;
	uint64_t stack; // the stack pointer for lb_guard_broken
	enum lb_guard_end end;
	struct lb_guard_fault fault;
	struct lb_lapic lapic;
	bool has_timer;
} guard;

static bool leave(struct lb_trap_frame *frame, enum lb_guard_end end)
{
	if (!guard.inside)
		return false;
	guard.inside = false;
	guard.end = end;
	guard.fault = (struct lb_guard_fault){frame->vector, frame->rip, cpu_cr2()};
	frame->rip = (uint64_t)(uintptr_t)lb_guard_broken;
	frame->rsp = guard.stack;
	frame->rflags = RFLAGS_NONE;
	return true;
}

static bool take_exception(struct lb_trap_frame *frame)
{
	return leave(frame, LB_GUARD_FAULT);
}

// Returns true for every vector. Interrupts other than the timer's are acknowledged and ignored.
static bool take_interrupt(struct lb_trap_frame *frame)
{
	if (frame->vector != LB_LAPIC_SPURIOUS_VECTOR)
		lb_lapic_write(&guard.lapic, LB_LAPIC_EOI, 0);
	// A timer interrupt of an earlier call may arrive now. The time of this call is up only when the
	// count is 0.
	if (frame->vector == TIMER_VECTOR && lb_lapic_read(&guard.lapic, TIMER_NOW) == 0)
		leave(frame, LB_GUARD_LATE);
	return true;
}

static void set_timer(uint32_t vector, uint32_t count)
{
	lb_lapic_write(&guard.lapic, LB_LAPIC_LVT_TIMER, vector);
	lb_lapic_write(&guard.lapic, LB_LAPIC_TIMER_COUNT, count);
}

// Returns how far the timer counts in `milliseconds`, measured by the TSC; 0: the timer does not count.
static uint32_t measure(uint64_t milliseconds)
{
	uint64_t count;

	lb_lapic_write(&guard.lapic, TIMER_DIVIDE, DIVIDE_BY_16);
	set_timer(LB_LAPIC_MASKED | TIMER_VECTOR, UINT32_MAX);
	lb_wait_ms(MEASURE_MS);
	count = UINT32_MAX - lb_lapic_read(&guard.lapic, TIMER_NOW);
	count = count * milliseconds / MEASURE_MS;
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

enum lb_guard_end lb_guard_run(void (*work)(void *ctx), void *ctx, uint64_t milliseconds,
			       struct lb_guard_fault *ret_fault)
{
	memset(&guard, 0, sizeof(guard));
	guard.has_timer = lb_smp_lapic(&guard.lapic);
	lb_trap_expect(guard.has_timer ? take_interrupt : NULL);
	lb_trap_catch(take_exception);
	if (guard.has_timer)
		set_timer(TIMER_VECTOR, measure(milliseconds));
	guard.inside = true;
	lb_guard_call(work, ctx, &guard.stack);
	guard.inside = false;
	if (guard.has_timer)
		set_timer(LB_LAPIC_MASKED | TIMER_VECTOR, 0);
	lb_trap_catch(NULL);
	lb_trap_expect(NULL);
	if (guard.end == LB_GUARD_DONE)
		return LB_GUARD_DONE;
	lb_old_page_forget(0);
	*ret_fault = guard.fault;
	return guard.end;
}
